"""What can be done to records after they were written, by somebody who knows how they are made and has no key."""

import base64
import hashlib
import json


def canonical(record):
    """As RFC 8785 has it: our records have neither fractions nor names beyond ASCII."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def ours(record):
    """What no schema has a place for."""
    return record["portcullis" if "ecs" in record else "unmapped"]


def integrity(record):
    """The links of a record."""
    return ours(record)["integrity"]


def sealed(record, **links):
    """The line of a record with the hash that it should have; `links` are to be other ones."""
    ours(record)["integrity"] = links = {**integrity(record), **links}
    del links["hash"]
    links["hash"] = hashlib.sha256(canonical(record)).hexdigest()
    return canonical(record)


def edit(record):
    """Makes another record of this one."""
    ours(record)["audit"]["level"] = "forged"


def forged(line, **links):
    """Another record than this one, in its place unless `links` say otherwise."""
    record = json.loads(line)
    edit(record)
    return sealed(record, **links)


def rewritten(lines, change, *, roots=True):
    """A chain whose records `change` has changed, sealed anew; with `roots` checkpoints are right but for signatures."""
    records = [json.loads(line) for line in lines]
    change(records)
    leaves, previous, anew = [], "0" * 64, []
    for sequence, record in enumerate(records):
        uid, audit = f"{integrity(record)['chain']}-{sequence}", ours(record)["audit"]
        if "ecs" in record:
            record["event"] |= {"id": uid, "sequence": sequence}
        else:
            record["metadata"] |= {"sequence": sequence, "uid": uid}
        if roots and audit.get("kind") == "checkpoint":
            audit |= {"root": base64.b64encode(tree(leaves)).decode(), "size": sequence}
        anew.append(sealed(record, previous=previous, sequence=sequence))
        previous = integrity(json.loads(anew[-1]))["hash"]
        leaves.append(bytes.fromhex(previous))
    return anew


def tree(leaves):
    """The hash of RFC 6962 section 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def with_other_byte(line, chance):
    """A line with one byte changed to another one, which ends no line."""
    at = chance.randrange(len(line))
    byte = chance.choice([it for it in range(256) if it not in (line[at], ord("\n"))])
    return line[:at] + bytes([byte]) + line[at + 1 :]
