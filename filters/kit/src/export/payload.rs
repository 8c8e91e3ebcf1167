use std::fmt::Debug;

use serde_json::Value;

/// Statuses after which a batch may be sent again, as OTLP has them.
pub(super) const RETRYABLE: [u16; 4] = [429, 502, 503, 504];
/// Likewise of gRPC: CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. RESOURCE_EXHAUSTED is one only with details, which
/// a plugin does not get to see.
pub(super) const RETRYABLE_GRPC: [u32; 6] = [1, 4, 10, 11, 14, 15];
/// What of a server's message goes into the log.
const LONGEST_REASON: usize = 200;

/// What is exported: how items become a body, and how its answer is read.
pub trait Payload: Debug {
    /// What is kept and sent.
    type Item: Debug;
    /// What the owner wants to know of items that are lost.
    type Mark: Debug;

    /// Who exports to whom, as it stands in the log: `trace-injection: the collector`.
    const WHO: &'static str;
    /// What the items are called there: `spans`.
    const ITEMS: &'static str;

    /// How many bytes an item is in a body, or nearly so.
    fn size(&self, item: &Self::Item) -> usize;

    /// What is to be remembered of items in case that they are lost; `None` for nothing, and then their loss is only counted.
    fn mark(&self, items: &[Self::Item]) -> Option<Self::Mark> {
        let _ = items;
        None
    }

    /// The items as a body, which is sent in the same bytes until it is taken.
    fn encode(&mut self, items: Vec<Self::Item>) -> Vec<u8>;

    /// What the body, or the message, of an answer of success says. Where it has nothing to say, all items are taken.
    fn partial(&self, body: &[u8]) -> Partial {
        let _ = body;
        Partial::default()
    }

    /// Whether a batch may be sent again after this status over HTTP; otherwise it is refused. It is not asked about success.
    fn is_retryable(&self, status: u16) -> bool {
        RETRYABLE.contains(&status)
    }

    /// Likewise over gRPC.
    fn is_retryable_grpc(&self, status: u32) -> bool {
        RETRYABLE_GRPC.contains(&status)
    }

    /// How often a server may object to a batch before it counts as refused, with statuses after which it may be sent again and that say neither that the server
    /// is away nor that it is busy.
    fn most_objections(&self) -> u32 {
        u32::MAX
    }
}

/// A success of which not all may be true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// How many items were not taken.
    pub(super) refused: u32,
    /// Why, or of what the server warns; for the log.
    pub(super) why: String,
}

impl Partial {
    /// So many were refused, for this reason.
    pub fn new(refused: i64, why: &[u8]) -> Self {
        let refused = u32::try_from(refused.max(0)).unwrap_or(u32::MAX);
        let why = String::from_utf8_lossy(why.get(..LONGEST_REASON).unwrap_or(why));
        Self { refused, why: why.replace(char::is_control, " ") }
    }

    /// What stands in a response of OTLP in JSON, where the number is under this name: `rejectedSpans`.
    pub fn of_json(body: &[u8], name: &str) -> Self {
        let said = serde_json::from_slice::<Value>(body).ok().and_then(|answer| {
            let partial = answer.get("partialSuccess")?;
            // 64-bit numbers are text in protobuf's JSON, and some write numbers; zero is left out.
            let refused = partial.get(name).unwrap_or(&Value::Null);
            let refused = refused.as_i64().or_else(|| refused.as_str()?.parse().ok()).unwrap_or_default();
            let why = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
            Some(Self::new(refused, why.as_bytes()))
        });
        said.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_json_is_read_leniently() {
        for (body, refused, why) in [
            ("", 0, ""),
            ("{}", 0, ""),
            ("nonsense", 0, ""),
            (r#"{"partialSuccess":null}"#, 0, ""),
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"a\nb"}}"#, 3, "a b"),
            (r#"{"partialSuccess":{"rejectedSpans":3}}"#, 3, ""),
            (r#"{"partialSuccess":{"rejectedSpans":0,"errorMessage":"old"}}"#, 0, "old"),
            (r#"{"partialSuccess":{"errorMessage":"old"}}"#, 0, "old"),
            (r#"{"partialSuccess":{"rejectedSpans":-3}}"#, 0, ""),
            (r#"{"partialSuccess":{"rejectedRecords":3}}"#, 0, ""),
            (r#"{"partialSuccess":[{}]}"#, 0, ""),
        ] {
            assert_eq!(
                Partial::of_json(body.as_bytes(), "rejectedSpans"),
                Partial { refused, why: why.to_owned() },
                "{body}"
            );
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(Partial::new(i64::MIN, b"\xff\r\n\x1b[31m").why, "\u{fffd}   [31m");
        let long = Partial::new(i64::MAX, &[b'a'; 500]);
        assert_eq!((long.refused, long.why.len()), (u32::MAX, LONGEST_REASON));
    }
}
