mod json;
mod patient;

use std::io::{self, BufWriter};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use portcullis_audit::report::{Most, Report, Text};
use portcullis_audit::{Lines, Nothing, Verification, VerifyError};
use portcullis_audit_chain::verify::Trust;
use portcullis_audit_chain::{MacKey, VerifierKey};

use super::failure::{Failure, ended, nothing_in};
use super::progress::{Beside, progress};
use crate::Verdict;
use crate::commands::read_text;
use patient::Patient;

/// Finds what was changed, removed or put in since records were written.
///
/// Each record has a hash of its own and that of the one before, so that an edit shows; checkpoints with a signature show also what somebody has done
/// who made all hashes anew; and checkpoints that were kept elsewhere show whether the end was cut off.
///
/// Exit codes: 0 nothing was found, 1 something was, or no record can be verified, 2 a file cannot be read or has nothing of a record, or a key is none.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Files with a record on each line, the older ones first; also Envoy's log, and what export --protobuf has written. - is the standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A key by which signatures of checkpoints are verified: NAME+ID+BASE64. Several may be given.
    #[arg(long, value_name = "VKEY")]
    key: Vec<String>,
    /// A file with the key from which those of MACs are derived: 32 bytes in base64 or hexadecimal digits. Several may be given.
    #[arg(long, value_name = "FILE")]
    mac_key: Vec<PathBuf>,
    /// A file of checkpoints that were kept elsewhere: records, Envoy's log, or signed notes. Several may be given.
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Each chain has to have a checkpoint that a key vouches for, and each checkpoint has to fit the records before it.
    #[arg(long)]
    require_signed: bool,
    /// The form of what is told.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Tells every finding and every chain, however many there are.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Verify {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let trust = self.trust()?;
        let has_keys = !trust.notes.is_empty() || !trust.macs.is_empty();
        if self.require_signed && !has_keys {
            return Err("--require-signed: give the key as well, by --key or --mac-key".to_owned());
        }
        let (lines, bar) = Lines::open(&self.files).map(progress).map_err(|error| error.to_string())?;
        let most = if self.all { Most::ALL } else { Most::FEW };
        ended(match self.format {
            Format::Text => {
                let out = Beside::new(&bar, anstream::stdout().lock());
                let mut report = Text::new(out, most, has_keys || !self.checkpoints.is_empty());
                self.verified(trust, lines, &bar, &mut report)
            }
            Format::Json => {
                let out = BufWriter::new(Beside::new(&bar, io::stdout().lock()));
                self.verified(trust, lines, &bar, &mut json::Json::new(out, most))
            }
        })
    }

    fn trust(&self) -> Result<Trust, String> {
        // A key that is wrong is not repeated: somebody may have taken the secret one.
        let notes =
            self.key.iter().map(|key| VerifierKey::parse(key).map_err(|error| format!("--key: {error}")));
        let macs = self.mac_key.iter().map(|path| {
            MacKey::parse(&read_text(path)?).map_err(|error| format!("{}: {error}", path.display()))
        });
        Ok(Trust {
            notes: notes.collect::<Result<_, _>>()?,
            macs: macs.collect::<Result<_, _>>()?,
            is_required: self.require_signed,
        })
    }

    fn verified(
        &self,
        trust: Trust,
        lines: Lines,
        bar: &ProgressBar,
        report: &mut dyn Report,
    ) -> Result<Verdict, Failure> {
        let mut verification = Verification::new(trust);
        let mut patient = Patient::new(report);
        for file in &self.checkpoints {
            verification.keep(file, &mut |found| patient.found(found))?;
        }
        verification.read(lines, &mut |found| patient.found(found))?;
        bar.finish_and_clear();
        let (summary, files) = match verification.finish(&mut |found| patient.found(found)) {
            Err(VerifyError::Nothing(nothing)) => return unverified(&self.files, &nothing),
            finished => finished?,
        };
        patient.release()?;
        report.end(&summary, &files)?;
        Ok(if summary.found == 0 { Verdict::Good } else { Verdict::Bad })
    }
}

/// Says why there is nothing to verify. That is no good end: hashes may have been taken out, and records damaged.
fn unverified(files: &[PathBuf], nothing: &Nothing) -> Result<Verdict, Failure> {
    let problem = nothing_in(files, nothing);
    if nothing.is_foreign() {
        return Err(Failure::Problem(problem));
    }
    anstream::eprintln!("portcullis: {problem}");
    Ok(Verdict::Bad)
}
