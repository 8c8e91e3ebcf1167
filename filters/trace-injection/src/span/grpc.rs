//! The statuses of gRPC by name (<https://grpc.io/docs/guides/status-codes/>).

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

/// Those that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
const OF_SERVERS: [usize; 6] = [2, 4, 12, 13, 14, 15];

/// Its name, and whether it is an error on this side of the call.
pub(super) fn status(digits: &[u8], is_client: bool) -> (&'static str, bool) {
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    // A number that nobody knows means UNKNOWN.
    let number: usize = number.filter(|number| *number < NAMES.len()).unwrap_or(2);
    let is_error = if is_client { number != 0 } else { OF_SERVERS.contains(&number) };
    (NAMES.get(number).copied().unwrap_or("UNKNOWN"), is_error)
}

/// What a server says of a method that it does not have.
pub(super) const UNIMPLEMENTED: &str = "UNIMPLEMENTED";

/// The status of a call that has none, by the status of its response (gRPC, "HTTP to gRPC Status Code Mapping").
pub(super) fn of_http(status: u16) -> &'static [u8] {
    match status {
        400 => b"13",
        401 => b"16",
        403 => b"7",
        404 => b"12",
        429 | 502..=504 => b"14",
        _ => b"2",
    }
}
