use portcullis_kit::{CREATE, Host, UnixTime, WriteError};
use sha2::{Digest, Sha256};

use super::record::Record;

/// How often a write is tried again when another worker was faster.
const TRIES: usize = 8;

const LAYOUT: [u8; 8] = *b"PtcBody\x01";
const MAX_ETAG: usize = 256;

/// The two entries of a document in the shared data: its record, and its current body.
///
/// Where the proxy has no shared data for us, each worker keeps a record of its own, and fetches for itself.
#[derive(Debug)]
pub(crate) struct Store {
    record_key: String,
    body_key: String,
    alone: Option<Record>,
}

/// A body as it lies in the shared data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) etag: Option<Vec<u8>>,
    pub(crate) bytes: Vec<u8>,
}

impl Store {
    /// The entries of the document that `identity` describes: whatever makes one worker accept what another would not.
    pub(crate) fn new(identity: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in identity {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
        let name: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let record_key = format!("portcullis/jwt-auth/{name}");
        Self { body_key: format!("{record_key}/body"), record_key, alone: None }
    }

    /// The record; `None` when there is none, or something else in its place.
    pub(crate) fn record(&mut self, host: &mut dyn Host) -> Option<Record> {
        if self.alone.is_some() {
            return self.alone;
        }
        match host.shared(&self.record_key) {
            Ok(datum) => datum.and_then(|datum| Record::decode(&datum.value)),
            Err(_) => {
                self.alone = Some(Record::first(host.now()));
                self.alone
            }
        }
    }

    /// Writes what `change` makes of the record. `None` when it makes nothing of it, or when other workers are always faster.
    pub(crate) fn update(
        &mut self,
        host: &mut dyn Host,
        change: impl Fn(Record) -> Option<Record>,
    ) -> Option<Record> {
        let now = host.now();
        for _ in 0..TRIES {
            if let Some(alone) = self.alone {
                self.alone = change(alone).or(self.alone);
                return change(alone);
            }
            match self.try_update(host, now, &change) {
                Ok(written) => return written,
                Err(WriteError::Conflict) => {}
                Err(WriteError::Host(_)) => self.alone = Some(Record::first(now)),
            }
        }
        None
    }

    fn try_update(
        &self,
        host: &mut dyn Host,
        now: UnixTime,
        change: &impl Fn(Record) -> Option<Record>,
    ) -> Result<Option<Record>, WriteError> {
        let datum = host.shared(&self.record_key).map_err(WriteError::Host)?;
        let (record, cas) = match &datum {
            None => (None, CREATE),
            Some(datum) => (Record::decode(&datum.value), datum.cas),
        };
        let Some(changed) = change(record.unwrap_or_else(|| Record::first(now))) else { return Ok(None) };
        host.set_shared(&self.record_key, &changed.encode(), cas)?;
        Ok(Some(changed))
    }

    /// The body of a generation; `None` when another one is there, or none, or one that is too long.
    pub(crate) fn body(&self, host: &mut dyn Host, generation: u64, longest: usize) -> Option<Body> {
        if self.alone.is_some() {
            return None;
        }
        let datum = host.shared(&self.body_key).ok()??;
        let body = Body::decode(&datum.value, generation)?;
        (body.bytes.len() <= longest).then_some(body)
    }

    /// Writes the body of a generation, which nobody reads before a record names it.
    pub(crate) fn set_body(&mut self, host: &mut dyn Host, generation: u64, body: &Body) {
        if self.alone.is_none() && host.set_shared(&self.body_key, &body.encode(generation), 0).is_err() {
            self.alone = self.record(host);
        }
    }
}

impl Body {
    /// A body with an entity tag that can be sent back (RFC 9110 section 8.8.3), or without.
    pub(crate) fn new(bytes: Vec<u8>, etag: Option<&[u8]>) -> Self {
        let etag = etag.filter(|etag| is_entity_tag(etag)).map(<[u8]>::to_vec);
        Self { etag, bytes }
    }

    fn encode(&self, generation: u64) -> Vec<u8> {
        let etag = self.etag.as_deref().unwrap_or_default();
        let length = u16::try_from(etag.len()).unwrap_or_default().to_le_bytes();
        [&LAYOUT[..], &generation.to_le_bytes(), &length, etag, &self.bytes].concat()
    }

    fn decode(bytes: &[u8], generation: u64) -> Option<Self> {
        let rest = bytes.strip_prefix(&LAYOUT)?.strip_prefix(&generation.to_le_bytes())?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (etag, body) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        Some(Self::new(body.to_vec(), Some(etag)))
    }
}

fn is_entity_tag(text: &[u8]) -> bool {
    let opaque = text.strip_prefix(b"W/").unwrap_or(text);
    let inside = opaque.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let is_tag = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
    text.len() <= MAX_ETAG && inside.is_some_and(|inside| inside.iter().all(is_tag))
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_of_an_identity_do_not_run_together() {
        let key = |identity: &[&str]| Store::new(identity).record_key;
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
        assert_eq!(key(&[]).len(), "portcullis/jwt-auth/".len() + 32);
    }

    #[test]
    fn a_record_is_created_changed_and_kept_from_garbage() {
        let (mut host, mut store) = (TestHost::at(1000), Store::new(&["a"]));
        assert_eq!(store.record(&mut host), None);
        let now = host.now;
        let written = store.update(&mut host, |record| Some(record.begun(now))).unwrap();
        assert_eq!(store.record(&mut host), Some(written));
        assert_eq!(store.update(&mut host, |_| None), None);
        assert_eq!(store.record(&mut host), Some(written));
        host.shared.get_mut(&store.record_key).unwrap().value = b"garbage".to_vec();
        assert_eq!(store.record(&mut host), None);
        let again = store.update(&mut host, |record| Some(record.begun(now)));
        assert_eq!(store.record(&mut host), again);
        assert!(again.is_some());
    }

    #[test]
    fn conflicts_are_not_fought_for_ever() {
        let (mut host, mut store) = (TestHost::at(1000), Store::new(&["a"]));
        store.update(&mut host, Some).unwrap();
        host.conflicts = 3;
        assert!(store.update(&mut host, Some).is_some());
        host.conflicts = 1_000_000;
        assert_eq!(store.update(&mut host, Some), None);
    }

    #[test]
    fn a_body_is_read_as_the_generation_that_it_is() {
        let (mut host, mut store) = (TestHost::at(1000), Store::new(&["a"]));
        let body = Body::new(b"{}".to_vec(), Some(b"W/\"1\""));
        store.set_body(&mut host, 7, &body);
        assert_eq!(store.body(&mut host, 7, 2), Some(body));
        assert_eq!(store.body(&mut host, 8, 2), None);
        assert_eq!(store.body(&mut host, 7, 1), None);
    }

    #[test]
    fn an_entity_tag_fits_into_a_header() {
        for tag in ["\"\"", "\"a-b\"", "W/\"x\"", "\"\u{e4}\""] {
            assert!(is_entity_tag(tag.as_bytes()), "{tag}");
        }
        let long = format!("\"{}\"", "a".repeat(MAX_ETAG));
        for tag in ["", "\"", "a", "\"a\"b\"", "\"a b\"", "\"a\r\nx: y\"", "w/\"a\"", &long] {
            assert!(!is_entity_tag(tag.as_bytes()), "{tag}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_body(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(Body::decode(&bytes, 1), None);
            let _ = Body::decode(&[&LAYOUT[..], &1_u64.to_le_bytes(), &bytes].concat(), 1);
        }
    }
}
