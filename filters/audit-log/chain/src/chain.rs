//! A chain as its writer has it.

use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::hex;
use crate::integrity::{Before, Digits, Form, id};
use crate::merkle::{Hash, Tree};

/// What one writer's records hang together by: each of them has the hash of the one before, and all are leaves of a tree.
#[derive(Clone, Debug)]
pub struct Chain {
    uid: String,
    form: Form,
    /// The hash of the last record; zeros before the first.
    last: Hash,
    last_digits: Digits,
    tree: Tree,
    /// The member of the record that is sealed; its beginning, which is always the same, stays there.
    member: Vec<u8>,
    head: usize,
}

impl Chain {
    /// A chain without records. `authority` is who vouches for them, in [`Form::RecordIntegrity`].
    pub fn new(uid: [u8; 16], form: Form, authority: String) -> Self {
        let uid = hex::lower(&uid);
        let mut member = Vec::with_capacity(512);
        form.head(&mut member, &uid, &authority);
        let head = member.len();
        Self { uid, form, last: [0; 32], last_digits: [b'0'; 64], tree: Tree::default(), member, head }
    }

    /// Which chain it is: 32 digits.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The number of the next record, and of those before it.
    pub fn sequence(&self) -> u64 {
        self.tree.size()
    }

    /// Appends the id of the next record.
    pub fn id(&self, out: &mut Vec<u8>) {
        id(out, &self.uid, self.sequence());
    }

    /// The number and the hash of the last record.
    pub fn last(&self) -> Option<(u64, Hash)> {
        Some((self.sequence().checked_sub(1)?, self.last))
    }

    /// What a checkpoint says that is the next record.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { size: self.sequence(), root: self.tree.root(), last: self.last }
    }

    /// Makes a record the next one. It is whole and canonical but for the member that says so, whose place is at this offset: in
    /// [`Form::Member`] behind `audit`, in [`Form::RecordIntegrity`] before the member that follows `attestation_list`.
    pub fn seal(&mut self, record: &mut Vec<u8>, place: usize) {
        let place = place.min(record.len());
        let (before, after) = record.split_at(place);
        self.member.truncate(self.head);
        let digits = self.form.hash(&mut self.member, &[b'0'; 64]);
        let tail = self.member.len();
        let sequence = self.sequence().checked_sub(1);
        self.form.tail(&mut self.member, &self.uid, Before { hash: &self.last_digits, sequence });

        let mut digest = Sha256::new();
        digest.update(before);
        digest.update(self.member.get(..self.head).unwrap_or_default());
        digest.update(self.member.get(tail..).unwrap_or_default());
        digest.update(after);
        self.last = digest.finalize().into();
        hex::write(&mut self.last_digits, &self.last);
        self.tree.push(&self.last);

        if let Some(room) = self.member.get_mut(digits..digits + self.last_digits.len()) {
            room.copy_from_slice(&self.last_digits);
        }
        insert(record, place, &self.member);
    }
}

fn insert(record: &mut Vec<u8>, place: usize, member: &[u8]) {
    let end = record.len();
    record.extend_from_slice(member);
    record.copy_within(place..end, place + member.len());
    if let Some(room) = record.get_mut(place..place + member.len()) {
        room.copy_from_slice(member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "00112233445566778899aabbccddeeff";

    /// Two records, sealed at the place behind `before`.
    fn sealed(form: Form, before: &str, after: &str) -> [String; 2] {
        let uid = hex::parse(UID.as_bytes()).unwrap();
        let mut chain = Chain::new(uid, form, "a \"b\"".to_owned());
        let records = [0, 1].map(|number| {
            assert_eq!(chain.sequence(), number);
            let mut id = b"x".to_vec();
            chain.id(&mut id);
            assert_eq!(id, format!("x{UID}-{number}").into_bytes());
            let mut record = format!("{before}{after}").into_bytes();
            chain.seal(&mut record, before.len());
            String::from_utf8(record).unwrap()
        });
        assert_eq!((chain.last().unwrap().0, chain.checkpoint().size, chain.uid()), (1, 2, UID));
        records
    }

    fn sha256(text: &str) -> String {
        hex::lower(&Sha256::digest(text))
    }

    #[test]
    fn a_record_has_a_member_beside_audit() {
        let [first, second] = sealed(Form::Member, r#"{"unmapped":{"audit":{}"#, "}}");
        let zeros = "0".repeat(64);
        let without = |previous: &str, sequence: u64| {
            sha256(&format!(
                r#"{{"unmapped":{{"audit":{{}},"integrity":{{"chain":"{UID}","previous":"{previous}","sequence":{sequence}}}}}}}"#
            ))
        };
        let whole = |hash: &str, previous: &str, sequence: u64| {
            format!(
                r#"{{"unmapped":{{"audit":{{}},"integrity":{{"chain":"{UID}","hash":"{hash}","previous":"{previous}","sequence":{sequence}}}}}}}"#
            )
        };
        let hash = without(&zeros, 0);
        assert_eq!(first, whole(&hash, &zeros, 0));
        assert_eq!(second, whole(&without(&hash, 1), &hash, 1));
    }

    #[test]
    fn a_record_has_an_attestation_of_ocsf() {
        let [first, second] = sealed(Form::RecordIntegrity, r#"{"api":1,"#, r#""time":2}"#);
        let print = |hash: &str| {
            format!(
                r#""fingerprint":{{"algorithm_id":3,"encoding_id":1,"serialization_id":2,"value":"{hash}"}}"#
            )
        };
        let whole = |own: &str, before: &str| {
            format!(
                r#"{{"api":1,"attestation_list":[{{"authority_uid":"a \"b\"","chain_uid":"{UID}"{own}{before}}}],"time":2}}"#
            )
        };
        let hash = sha256(&whole("", ""));
        assert_eq!(first, whole(&format!(",{}", print(&hash)), ""));
        let before = format!(r#","prev_event":{{{},"uid":"{UID}-0"}}"#, print(&hash));
        let own = print(&sha256(&whole("", &before)));
        assert_eq!(second, whole(&format!(",{own}"), &before));
    }

    #[test]
    fn a_place_that_is_not_there_is_the_end() {
        let mut chain = Chain::new([7; 16], Form::Member, String::new());
        let mut record = b"{}".to_vec();
        chain.seal(&mut record, 100);
        assert!(record.starts_with(b"{},\"integrity\":{"));
    }
}
