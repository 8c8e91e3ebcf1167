//! Whom a gRPC call is for.

/// The upstream of a gRPC call as Envoy reads it: an `envoy.config.core.v3.GrpcService`, or else the name of a cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum GrpcTarget {
    /// A name.
    Name(String),
    /// The `envoy_grpc.cluster_name` of a service, and its `authority`, which may be empty.
    Service(String, String),
    /// A service without a target: Envoy aborts. Bytes that were meant as a name can be one, and no bytes at all are.
    Nothing,
}

/// Where the kind of a field ends, and where its number begins.
const KIND_BITS: u32 = 3;
const DELIMITED: u64 = 2;

impl GrpcTarget {
    pub(super) fn of(upstream: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Some(service) = fields(upstream) else { return Self::Name(text(upstream)) };
        let Some(envoy_grpc) = last(&service, 1) else { return Self::Nothing };
        match fields(envoy_grpc) {
            Some(envoy_grpc) => {
                let field = |number| text(last(&envoy_grpc, number).unwrap_or_default());
                Self::Service(field(1), field(2))
            }
            None => Self::Name(text(upstream)),
        }
    }
}

/// Number and bytes of each field; those that have no length are empty.
type Fields<'a> = Vec<(u64, &'a [u8])>;

fn last<'a>(fields: &Fields<'a>, number: u64) -> Option<&'a [u8]> {
    fields.iter().rev().find(|(other, _)| *other == number).map(|(_, bytes)| *bytes)
}

/// The fields of a message (<https://protobuf.dev/programming-guides/encoding/>); `None` for what is none.
fn fields(mut rest: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields::new();
    while !rest.is_empty() {
        let (tag, after) = varint(rest)?;
        let number = tag >> KIND_BITS;
        let (value, after) = match tag & ((1 << KIND_BITS) - 1) {
            0 => (&[][..], varint(after)?.1),
            1 => (&[][..], after.get(8..)?),
            DELIMITED => {
                let (length, after) = varint(after)?;
                after.split_at_checked(usize::try_from(length).ok()?)?
            }
            5 => (&[][..], after.get(4..)?),
            _ => return None,
        };
        (1..1 << 29).contains(&number).then_some(())?;
        // A target of another kind than its field has is a field that nobody knows.
        if number != 1 || tag & DELIMITED != 0 {
            fields.push((number, value));
        }
        rest = after;
    }
    Some(fields)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_message_is_none_of_the_names() {
        let service = |name: &str| GrpcTarget::Service(name.to_owned(), String::new());
        assert_eq!(GrpcTarget::of(b"\x0a\x06\x0a\x04echo"), service("echo"));
        assert_eq!(GrpcTarget::of(b"\x0a\x06\x0a\x04echo\x18\x01"), service("echo"));
        assert_eq!(GrpcTarget::of(b"\x0a\x00"), service(""));
        let with_authority = GrpcTarget::Service("echo".to_owned(), "a".to_owned());
        assert_eq!(GrpcTarget::of(b"\x0a\x09\x0a\x04echo\x12\x01a"), with_authority);
        for name in ["ratelimit", "echo", "outbound|443||idp.example.com"] {
            assert_eq!(GrpcTarget::of(name.as_bytes()), GrpcTarget::Name(name.to_owned()));
        }
        for bytes in [&b""[..], b"a12345678", b"\x12\x00"] {
            assert_eq!(GrpcTarget::of(bytes), GrpcTarget::Nothing, "{bytes:?}");
        }
        for bytes in
            [&b"\x0a\x09\x0a\x04echo"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0a\x01\x0a"]
        {
            assert!(matches!(GrpcTarget::of(bytes), GrpcTarget::Name(_)), "{bytes:?}");
        }
    }
}
