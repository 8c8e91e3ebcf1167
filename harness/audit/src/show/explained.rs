//! What values mean that are not words.

use crate::field::Field;

/// What a value means, where that is not plain.
pub(super) fn explained(field: Field, value: &str) -> Option<String> {
    let meaning = match field {
        Field::ClassUid => class(value)?,
        Field::GrpcStatus => grpc_status(value)?,
        Field::Level => level(value)?,
        Field::Stage if value == "request_received" => "nothing was decided yet",
        Field::Count => "so many like this one, between start_time and end_time",
        Field::Previous if value.bytes().all(|byte| byte == b'0') => "none: the first of its chain",
        Field::Details if value == "via_upstream" => "the response is the upstream's",
        Field::Flags => return flags(value),
        _ => return None,
    };
    Some(meaning.to_owned())
}

fn class(uid: &str) -> Option<&'static str> {
    Some(match uid {
        "4002" => "HTTP Activity",
        "6003" => "API Activity",
        "1008" => "Event Log Activity",
        _ => return None,
    })
}

fn level(name: &str) -> Option<&'static str> {
    Some(match name {
        "metadata" => "neither headers nor bodies",
        "headers" => "headers and no bodies",
        "bodies" => "headers and bodies",
        _ => return None,
    })
}

fn grpc_status(code: &str) -> Option<&'static str> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(code.parse::<usize>().ok()?).copied()
}

/// Envoy's response flags.
const FLAGS: [(&str, &str); 29] = [
    ("LH", "the local health check has failed"),
    ("UH", "no healthy host upstream"),
    ("UT", "the upstream took too long"),
    ("LR", "reset by the proxy"),
    ("UR", "reset by the upstream"),
    ("UF", "no connection to the upstream"),
    ("UC", "the upstream ended the connection"),
    ("UO", "too much for the upstream: circuit breaking"),
    ("NR", "no route"),
    ("DI", "delayed by fault injection"),
    ("FI", "aborted by fault injection"),
    ("RL", "rate limited"),
    ("UAEX", "denied by an external authorizer"),
    ("RLSE", "the rate limit service has failed"),
    ("DC", "the client ended the connection"),
    ("URX", "tried again as often as allowed"),
    ("SI", "the stream was idle too long"),
    ("IH", "a header that is checked strictly is wrong"),
    ("DPE", "the client broke the protocol"),
    ("UMSDR", "the stream lasted too long"),
    ("RFCF", "the answer was from a cache"),
    ("NFCF", "no filter configuration yet"),
    ("DT", "the connection lasted too long"),
    ("UPE", "the upstream broke the protocol"),
    ("NC", "no such cluster"),
    ("OM", "the proxy was overloaded"),
    ("DF", "the name of the upstream was not found"),
    ("DO", "dropped because of overload"),
    ("DR", "reset by the remote side"),
];

fn flags(names: &str) -> Option<String> {
    let meaning = |name: &str| FLAGS.iter().find(|(flag, _)| *flag == name).map(|(_, meaning)| *meaning);
    let meanings: Vec<_> = names.split(',').filter_map(meaning).collect();
    (!meanings.is_empty()).then(|| meanings.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_flags_have_a_meaning() {
        for (field, value, expected) in [
            (Field::GrpcStatus, "7", Some("PERMISSION_DENIED")),
            (Field::GrpcStatus, "99", None),
            (Field::Flags, "UF,URX", Some("no connection to the upstream; tried again as often as allowed")),
            (Field::Flags, "?", None),
            (Field::ClassUid, "6003", Some("API Activity")),
            (Field::Level, "bodies", Some("headers and bodies")),
            (Field::Subject, "alice", None),
        ] {
            assert_eq!(explained(field, value).as_deref(), expected, "{value}");
        }
    }
}
