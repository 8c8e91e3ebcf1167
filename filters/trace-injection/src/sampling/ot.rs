//! The note of OpenTelemetry in `tracestate`: `ot=th:fd70a;rv:ce929d0e0e4736` (OpenTelemetry, "TraceState Handling").

use crate::ids::TraceId;
use crate::sampling::Threshold;
use crate::text::hex;
use crate::tracestate::TraceState;

const KEY: &str = "ot";
/// The longest note.
const LONGEST_NOTE: usize = 256;

/// The note, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ot {
    /// What the trace was kept by.
    pub(crate) threshold: Option<Threshold>,
    /// Random bits in place of those of the trace id.
    pub(crate) randomness: Option<u64>,
    /// Fields that mean nothing here.
    pub(super) others: Vec<(String, String)>,
}

impl Ot {
    /// Reads the note; one that breaks the grammar says nothing.
    pub(crate) fn of(state: &TraceState) -> Self {
        state.get(KEY).and_then(Self::parse).unwrap_or_default()
    }

    fn parse(note: &[u8]) -> Option<Self> {
        let note = std::str::from_utf8(note).ok().filter(|note| note.len() <= LONGEST_NOTE)?;
        let mut ot = Self::default();
        for field in note.split(';') {
            let (key, value) = field.split_once(':').filter(|(key, value)| is_key(key) && is_value(value))?;
            // A field with a value that cannot be is one that is not there.
            match key {
                "th" => ot.threshold = Threshold::parse(value.as_bytes()),
                "rv" => ot.randomness = randomness(value),
                _ => ot.others.push((key.to_owned(), value.to_owned())),
            }
        }
        Some(ot)
    }

    /// The random bits of a trace.
    pub(crate) fn bits(&self, trace_id: TraceId) -> u64 {
        self.randomness.unwrap_or_else(|| trace_id.randomness())
    }

    /// Writes the note.
    pub(crate) fn note_in(&self, state: &mut TraceState) {
        let threshold = self.threshold.map(|threshold| format!("th:{threshold}"));
        let randomness = self.randomness.map(|randomness| format!("rv:{randomness:014x}"));
        let mut note = threshold.into_iter().chain(randomness).collect::<Vec<_>>().join(";");
        for (key, value) in &self.others {
            let separator = if note.is_empty() { "" } else { ";" };
            let field = format!("{separator}{key}:{value}");
            // There is always room for what is said here.
            if note.len() + field.len() <= LONGEST_NOTE {
                note += &field;
            }
        }
        match note.is_empty() {
            true => state.remove(KEY),
            false => state.set(KEY, &note),
        }
    }
}

/// Exactly 14 digits.
fn randomness(digits: &str) -> Option<u64> {
    let [a, b, c, d, e, f, g] = hex::<7>(digits.as_bytes())?;
    Some(u64::from_be_bytes([0, a, b, c, d, e, f, g]))
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(note: &str) -> TraceState {
        TraceState::parse([format!("a=1,ot={note}").as_bytes()]).unwrap()
    }

    #[test]
    fn fields_are_read_and_written_and_others_stay() {
        let mut noted = state("x1:A_b.c-;rv:ce929d0e0e4736;th:c");
        let ot = Ot::of(&noted);
        assert_eq!(
            (ot.threshold.unwrap().to_string(), ot.randomness),
            ("c".to_owned(), Some(0xce_929d_0e0e_4736))
        );
        Ot { threshold: None, ..ot }.note_in(&mut noted);
        assert_eq!(noted.render(), b"ot=rv:ce929d0e0e4736;x1:A_b.c-,a=1");
        Ot::default().note_in(&mut noted);
        assert_eq!(noted.render(), b"a=1");
    }

    #[test]
    fn what_cannot_be_says_nothing() {
        for note in ["th", "th:c;", "TH:c", "1:c", "th:c d", "th:c;x:/"] {
            assert_eq!(Ot::of(&state(note)), Ot::default(), "{note}");
        }
        for note in ["th:", "th:xyz", "th:123456789012345", "rv:1", "rv:CE929D0E0E4736"] {
            let ot = Ot::of(&state(note));
            assert_eq!((ot.threshold, ot.randomness), (None, None), "{note}");
        }
    }
}
