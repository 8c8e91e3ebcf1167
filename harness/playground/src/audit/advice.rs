//! What to do about a finding, for somebody who has one file and this page.

use portcullis_audit_chain::verify::Problem;

const OTHER_COPY: &str = "Keep this file as it is, and compare the record with another copy of it: of another sink, of a backup, of Envoy's log.";
const OTHER_FILES: &str = "If there are files of before or after this one, verify them together, the older first: portcullis audit verify OLDER NEWER. If they are nowhere, look for another copy.";
const BACK_TO_CHECKPOINT: &str = "Trust nothing before this checkpoint, back to the one before it, and compare that with another copy of the trail.";
const KEYS: &str = "See whether the keys are those of this writer (integrity.sign of its configuration). If they are, take what the checkpoint vouches for as forged.";

/// What to do about it, in a sentence or two.
pub(super) fn advice(problem: &Problem) -> &'static str {
    match problem {
        Problem::NotJson { .. } | Problem::NotRecord { .. } | Problem::TooLong => {
            "Look at the line: if another program writes to this file as well, nothing is wrong with the trail. If it was a record, get it from another copy."
        }
        Problem::Half => {
            "If the file is still being written, verify it again when that is over. If not, get the line from another copy."
        }
        Problem::Missing { .. }
        | Problem::HeadCut { .. }
        | Problem::Reordered { .. }
        | Problem::Stale { .. }
        | Problem::ChainMissing { .. }
        | Problem::TailCut { .. } => OTHER_FILES,
        Problem::Undeclared { .. } => {
            "If the chain goes on, verify it again after its next checkpoint. If it does not, take the records as removed."
        }
        Problem::Size { .. } | Problem::Root { .. } | Problem::Kept { .. } | Problem::Note { .. } => {
            BACK_TO_CHECKPOINT
        }
        Problem::Unsigned
        | Problem::WrongKey { .. }
        | Problem::WrongSignature { .. }
        | Problem::WrongMac { .. }
        | Problem::Epoch { .. } => KEYS,
        Problem::NotVouched { .. } => {
            "If the chain has only begun, verify it again after its first checkpoint. If it has not, see whether its writer signs (integrity.sign), and compare it with another copy."
        }
        Problem::TooManyChains => "Split the file, and verify its parts one by one.",
        // What was done to a record itself, or where it stands.
        _ => OTHER_COPY,
    }
}
