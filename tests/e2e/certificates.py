"""A certificate authority and what it issues, as files for Envoy and for clients."""

import base64
import datetime
import hashlib
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Certificate:
    """A certificate and its key, in files of a directory."""

    def __init__(self, certificate, key, directory, name):
        self.certificate, self.key = certificate, key
        self.chain_file, self.key_file = directory / f"{name}.pem", directory / f"{name}.key"
        self.chain_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.key_file.write_bytes(key.private_bytes(*form))

    @property
    def thumbprint(self):
        """The `x5t#S256` of RFC 8705 section 3.1."""
        digest = hashlib.sha256(self.certificate.public_bytes(serialization.Encoding.DER)).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Authority:
    """Issues certificates into a directory."""

    def __init__(self, directory):
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        own = _begun(self._name, self._name, self._key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.own = Certificate(own.sign(self._key, hashes.SHA256()), self._key, directory, "authority")

    def issue(self, name, uri=None):
        """A certificate for 127.0.0.1 as a server and for `name` as a client, who may also have a URI."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName(f"{name}.example")]
        names += [x509.UniformResourceIdentifier(uri)] if uri else []
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        begun = _begun(_name(name), self._name, key.public_key())
        begun = begun.add_extension(x509.SubjectAlternativeName(names), critical=False)
        begun = begun.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        return Certificate(begun.sign(self._key, hashes.SHA256()), key, self._directory, name)


def downstream_tls(server, authority, **members):
    """The `transport_socket` of a filter chain that has this certificate and asks for ones of the authority's."""
    files = {"certificate_chain": server.chain_file, "private_key": server.key_file}
    tls = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {
            "tls_certificates": [{member: {"filename": str(file)} for member, file in files.items()}],
            "validation_context": {"trusted_ca": {"filename": str(authority.own.chain_file)}},
        },
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": tls | members}


def _name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(subject, issuer, key):
    now, hour = datetime.datetime.now(datetime.UTC), datetime.timedelta(hours=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - hour).not_valid_after(now + hour)
