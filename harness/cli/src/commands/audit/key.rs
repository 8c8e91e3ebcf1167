use clap::Args;
use portcullis_audit_chain::NoteKey;

use crate::Verdict;
use crate::commands::seed;

/// Makes a pair of keys for checkpoints.
///
/// The first line is the secret one, for `integrity.sign.ed25519`; the second is for `audit verify --key`.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// Whose signatures they are: a name such as audit.example, without blanks and plus signs.
    name: String,
}

impl Key {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let key = NoteKey::new(&self.name, seed()?).map_err(|error| format!("{:?}: {error}", self.name))?;
        println!("{}\n{}", *key.secret(), key.verifier());
        Ok(Verdict::Good)
    }
}
