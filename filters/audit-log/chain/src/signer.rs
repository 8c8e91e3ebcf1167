//! Signatures of checkpoints.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::checkpoint::{Checkpoint, origin};
use crate::keys::{Keys, MacKey, NoteKey};

/// What signs the checkpoints of one chain.
#[derive(Debug)]
pub struct Signer {
    chain: String,
    with: With,
}

#[derive(Debug)]
enum With {
    Nothing,
    Note(Box<NoteKey>),
    Mac(Epochs),
}

/// What a checkpoint is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// It is not.
    Unsigned,
    /// A signed note, the member `note`.
    Note(String),
    /// A MAC.
    Mac {
        /// The number of its key, the member `epoch`.
        epoch: u64,
        /// The member `mac`, in hexadecimal digits there.
        mac: [u8; 32],
    },
}

impl Signer {
    /// The signer of a chain.
    pub fn for_chain(keys: &Keys, chain: &str) -> Self {
        let with = match keys {
            Keys::None => With::Nothing,
            Keys::Ed25519(key) => With::Note(Box::new(key.clone())),
            Keys::Mac(master) => With::Mac(Epochs::new(master, chain)),
        };
        Self { chain: chain.to_owned(), with }
    }

    /// The name of its key, where keys have names.
    pub fn name(&self) -> Option<&str> {
        match &self.with {
            With::Note(key) => Some(key.name()),
            With::Nothing | With::Mac(_) => None,
        }
    }

    /// Signs a checkpoint of its chain. A key of MACs is forgotten with that.
    pub fn sign(&mut self, checkpoint: &Checkpoint) -> Signature {
        match &mut self.with {
            With::Nothing => Signature::Unsigned,
            With::Note(key) => Signature::Note(note(key, &checkpoint.text(&self.chain))),
            With::Mac(epochs) => {
                let (epoch, mac) = epochs.next(checkpoint.text(&self.chain).as_bytes());
                Signature::Mac { epoch, mac }
            }
        }
    }
}

fn note(key: &NoteKey, text: &str) -> String {
    // Ed25519 as RFC 8032 has it: no noise, so that the same checkpoint gives the same note.
    let signature = key.pair.sk.sign(text, None);
    let bytes = [&key.id, signature.as_slice()].concat();
    format!("{text}\n\u{2014} {} {}\n", key.name, STANDARD.encode(bytes))
}

/// The keys of a chain, one for each checkpoint, each made of the one before, which does not lead back.
#[derive(Clone)]
pub(crate) struct Epochs {
    epoch: u64,
    key: Zeroizing<[u8; 32]>,
}

impl Epochs {
    pub(crate) fn new(master: &MacKey, chain: &str) -> Self {
        Self { epoch: 0, key: Zeroizing::new(hmac(&master.0, origin(chain).as_bytes())) }
    }

    /// The number of the next key.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Goes on to a later key.
    pub(crate) fn skip_to(&mut self, epoch: u64) {
        while self.epoch < epoch {
            self.forget();
        }
    }

    /// The MAC of a text by the next key, which is the last thing that it is used for.
    pub(crate) fn next(&mut self, text: &[u8]) -> (u64, [u8; 32]) {
        let (epoch, mac) = (self.epoch, hmac(&self.key, text));
        self.forget();
        (epoch, mac)
    }

    fn forget(&mut self) {
        self.key = Zeroizing::new(Sha256::digest(self.key.as_slice()).into());
        self.epoch += 1;
    }
}

impl std::fmt::Debug for Epochs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Epochs({})", self.epoch)
    }
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    // What is shorter than a block is padded with zeros, so this is the same key, and there is no length to be refused.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn macs_are_those_of_rfc_4231() {
        // Test cases 1 and 2; zeros at the end of a key change nothing.
        let key = |bytes: &[u8]| std::array::from_fn(|place| bytes.get(place).copied().unwrap_or_default());
        for (bytes, text, expected) in [
            (&[0x0b; 20][..], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            assert_eq!(hex::lower(&hmac(&key(bytes), text.as_bytes())), expected);
        }
    }

    #[test]
    fn each_checkpoint_has_a_key_of_its_own() {
        let master = MacKey::parse(&hex::lower(&[5; 32])).unwrap();
        let checkpoint = Checkpoint { size: 3, root: [1; 32], last: [2; 32] };
        let mut signer = Signer::for_chain(&Keys::Mac(master), "c");
        let mut key = hmac(&[5; 32], b"portcullis.audit/c");
        for expected in 0..3 {
            let Signature::Mac { epoch, mac } = signer.sign(&checkpoint) else { panic!() };
            assert_eq!((epoch, mac), (expected, hmac(&key, checkpoint.text("c").as_bytes())));
            key = Sha256::digest(key).into();
        }
        assert_eq!(format!("{signer:?}"), "Signer { chain: \"c\", with: Mac(Epochs(3)) }");
    }

    #[test]
    fn keys_that_are_passed_over_are_the_same() {
        let master = MacKey::parse(&hex::lower(&[5; 32])).unwrap();
        let mut one_by_one = Epochs::new(&master, "c");
        for _ in 0..5 {
            one_by_one.next(b"x");
        }
        let mut at_once = Epochs::new(&master, "c");
        at_once.skip_to(5);
        assert_eq!(at_once.next(b"y"), one_by_one.next(b"y"));
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let mut signer = Signer::for_chain(&Keys::None, "c");
        assert_eq!(
            (signer.sign(&Checkpoint { size: 0, root: [0; 32], last: [0; 32] }), signer.name()),
            (Signature::Unsigned, None)
        );
    }
}
