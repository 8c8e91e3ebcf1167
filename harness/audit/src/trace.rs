//! What gives away that a line was a record, also where it is none any more.

use memchr::memmem;

/// What has the hashes of a record. A space may stand before the colon, where somebody has rendered it anew.
const OF_HASHES: [&[u8]; 2] = [b"\"integrity\"", b"\"attestation_list\""];
/// What else only records have: those in OCSF, and those in ECS.
const OF_RECORDS: [&[u8]; 2] = [b"\"class_uid\"", b"\"portcullis.audit\""];

/// Whether a line has something of the hashes of a record.
pub(crate) fn of_hashes(line: &[u8]) -> bool {
    has_one(line, OF_HASHES)
}

/// Whether a line has something that only records have.
pub(crate) fn of_record(line: &[u8]) -> bool {
    of_hashes(line) || has_one(line, OF_RECORDS)
}

fn has_one(line: &[u8], traces: [&[u8]; 2]) -> bool {
    traces.iter().any(|trace| memmem::find(line, trace).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_traces_in_both_schemas_however_it_was_rendered() {
        for record in [
            include_str!("../tests/records/request.ocsf.json"),
            include_str!("../tests/records/request.ecs.json"),
        ] {
            assert!(of_record(format!("x{}", record.replace("\":", "\" : ")).as_bytes()));
        }
        for (line, hashes, any) in [
            ("{\"a\":\"class_uid\\\"\"}", false, false),
            ("x\"class_uid\":4002", false, true),
            ("\"dataset\":\"portcullis.audit\"", false, true),
            ("\"integrity\" :", true, true),
            ("\"attestation_list\":[", true, true),
            ("", false, false),
        ] {
            assert_eq!((of_hashes(line.as_bytes()), of_record(line.as_bytes())), (hashes, any), "{line}");
        }
    }
}
