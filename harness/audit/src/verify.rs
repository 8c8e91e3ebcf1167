//! Verifies files of records.

use std::io;
use std::path::{Path, PathBuf};

use portcullis_audit_chain::verify::{Finding, Knower, Place, Summary, Trust, Verifier};

use crate::strangers::{Nothing, Strangers};
use crate::{Content, Line, Lines, ReadError, trace};

/// What a note of one of our chains begins with.
const NOTE: &str = "portcullis.audit/";
/// How many lines a note of ours has before its signatures.
const LINES: usize = 4;
/// What each signature of a note begins with.
const SIGNATURE: &str = "\u{2014} ";

/// Verifies files of records, beside checkpoints that were kept elsewhere.
pub struct Verification {
    verifier: Verifier,
    files: Vec<PathBuf>,
    strangers: Strangers,
    /// What one of the files seems to be, by how it begins.
    kind: Option<String>,
}

/// Something that is not as it should be, and where.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The file, as it was named.
    pub file: &'a Path,
    /// The line in it.
    pub line: u64,
    /// What it is.
    pub finding: &'a Finding,
    /// Where the checkpoint is that was kept elsewhere and shows it, if one does.
    pub known: Option<(&'a Path, u64)>,
    /// The line itself, if it was read last; what only the end shows is of lines that are gone.
    pub read: Option<&'a Line<'a>>,
}

/// Who is told of each finding.
pub type Told<'a> = dyn FnMut(Found<'_>) -> io::Result<()> + 'a;

/// Why files could not be verified.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file cannot be read.
    Read(ReadError),
    /// What was found cannot be written.
    Write(io::Error),
    /// A file of checkpoints has none; and what it seems to be instead.
    NoCheckpoint(PathBuf, Option<String>),
    /// A line of it begins a note that is none.
    NoNote(PathBuf, u64),
    /// There is nothing to verify in the files. The text does not name them.
    Nothing(Nothing),
}

impl std::error::Error for VerifyError {}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
            Self::NoCheckpoint(file, kind) => {
                write!(f, "{}: no checkpoint in it, neither as a record nor as a note", file.display())?;
                kind.as_ref().map_or(Ok(()), |kind| write!(f, ": {kind}"))
            }
            Self::Nothing(nothing) => nothing.fmt(f),
            Self::NoNote(file, line) => {
                let file = file.display();
                write!(
                    f,
                    "{file}:{line}: no note of a chain: that has its name, a number, a root and a hash, each on a line"
                )
            }
        }
    }
}

impl From<ReadError> for VerifyError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for VerifyError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl Verification {
    /// One that trusts these keys.
    pub fn new(trust: Trust) -> Self {
        Self {
            verifier: Verifier::new(trust),
            files: Vec::new(),
            strangers: Strangers::default(),
            kind: None,
        }
    }

    /// Reads checkpoints that were kept elsewhere: records, also among the lines of Envoy's log, and notes. This comes before the records.
    ///
    /// # Errors
    /// The file cannot be read, or has no checkpoint.
    pub fn keep(&mut self, file: &Path, told: &mut Told<'_>) -> Result<(), VerifyError> {
        let mut lines = Lines::open(&[file.to_owned()])?;
        let (mut note, mut kept) = (Note::default(), 0_u64);
        // Whether no line has anything of a checkpoint.
        let mut is_foreign = true;
        loop {
            let line = lines.next()?;
            let text = line.as_ref().map(|line| (line.number, line.text));
            if text.is_some_and(|(_, text)| note.goes_on(text)) {
                continue;
            }
            if !note.text.is_empty() {
                let place = self.place(file, note.line);
                let no_note = || VerifyError::NoNote(file.to_owned(), note.line);
                let findings = self.verifier.keep_note(place, &note.text).ok_or_else(no_note)?;
                (kept, is_foreign) = (kept + 1, false);
                self.tell(&findings, None, told)?;
            }
            let Some((number, text)) = text else { break };
            note = Note::begun(number, text);
            if note.text.is_empty() {
                let place = self.place(file, number);
                is_foreign &= !trace::of_record(text);
                if let Some(findings) = self.verifier.keep_line(place, text) {
                    kept += 1;
                    is_foreign &= !findings.is_empty() && findings.iter().all(|it| it.chain.is_none());
                    self.tell(&findings, None, told)?;
                }
            }
        }
        let kind = lines.kind().filter(|_| is_foreign);
        if kept == 0 || kind.is_some() {
            return Err(VerifyError::NoCheckpoint(file.to_owned(), kind));
        }
        Ok(())
    }

    /// Reads records, in their order.
    ///
    /// # Errors
    /// A file cannot be read, or somebody cannot be told.
    pub fn read(&mut self, mut lines: Lines, told: &mut Told<'_>) -> Result<(), VerifyError> {
        while let Some(line) = lines.next()? {
            let place = self.place(line.file, line.number);
            let findings = match line.content {
                Content::TooLong => vec![self.verifier.too_long(place)],
                // The verifier looks for itself: a record whose beginning is damaged is something else to others.
                Content::Record(_) | Content::Other => self.verifier.line(place, line.text),
            };
            self.strangers.read(&line, place, &findings);
            if !findings.is_empty() {
                let Self { files, strangers, .. } = self;
                tell(files, &findings, Some((place, &line)), &mut noticed(strangers, told))?;
            }
        }
        self.kind = lines.kind();
        Ok(())
    }

    /// Tells what only the end shows. The files come along, by the numbers in a [`Place`].
    ///
    /// # Errors
    /// There is nothing to verify in the files, or somebody cannot be told.
    pub fn finish(self, told: &mut Told<'_>) -> Result<(Summary, Vec<PathBuf>), VerifyError> {
        let Self { verifier, files, mut strangers, kind } = self;
        let summary = verifier.finish();
        tell(&files, &summary.findings, None, &mut noticed(&mut strangers, told))?;
        match strangers.nothing(&summary, files.len(), kind) {
            Some(nothing) => Err(VerifyError::Nothing(nothing)),
            None => Ok((summary, files)),
        }
    }

    fn place(&mut self, file: &Path, line: u64) -> Place {
        if self.files.last().is_none_or(|last| last != file) {
            self.files.push(file.to_owned());
        }
        Place { file: u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX), line }
    }

    fn tell(
        &self,
        findings: &[Finding],
        read: Option<(Place, &Line<'_>)>,
        told: &mut Told<'_>,
    ) -> Result<(), VerifyError> {
        tell(&self.files, findings, read, told)
    }
}

/// Tells of a finding after it has been looked at.
fn noticed<'a>(
    strangers: &'a mut Strangers,
    told: &'a mut Told<'_>,
) -> impl FnMut(Found<'_>) -> io::Result<()> {
    |found| {
        strangers.found((found.file, found.line), found.finding);
        told(found)
    }
}

fn tell(
    files: &[PathBuf],
    findings: &[Finding],
    read: Option<(Place, &Line<'_>)>,
    told: &mut Told<'_>,
) -> Result<(), VerifyError> {
    let at = |place: Place| {
        let file = files.get(place.file as usize);
        (file.map(PathBuf::as_path).unwrap_or_else(|| Path::new("")), place.line)
    };
    for finding in findings {
        let (file, line) = at(finding.place);
        let known = match finding.problem.knower() {
            Some(Knower::Checkpoint(place)) => Some(at(place)),
            _ => None,
        };
        let read = read.and_then(|(place, line)| (place == finding.place).then_some(line));
        told(Found { file, line, finding, known, read })?;
    }
    Ok(())
}

/// A note, line by line. The empty line before its signatures is not among those that come.
#[derive(Default)]
struct Note {
    line: u64,
    lines: usize,
    text: String,
}

impl Note {
    /// A note that begins with this line; without text if none does.
    fn begun(line: u64, text: &[u8]) -> Self {
        match std::str::from_utf8(text) {
            Ok(text) if text.starts_with(NOTE) => Self { line, lines: 1, text: with_its_end(text) },
            _ => Self::default(),
        }
    }

    /// Takes a line that belongs to it.
    fn goes_on(&mut self, text: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(text) else { return false };
        let is_signature = text.starts_with(SIGNATURE);
        if self.text.is_empty() || is_signature != (self.lines >= LINES) {
            return false;
        }
        if self.lines == LINES {
            self.text.push('\n');
        }
        self.text.push_str(&with_its_end(text));
        self.lines += 1;
        true
    }
}

/// A line with one line feed at its end.
fn with_its_end(text: &str) -> String {
    format!("{}\n", text.trim_end_matches(['\r', '\n']))
}

#[cfg(test)]
mod tests {
    use portcullis_audit_chain::{Chain, Form, Keys, Signature, Signer};

    use super::*;

    /// Records of a chain, and the notes of two checkpoints that were written nowhere else.
    fn written() -> (Vec<String>, [String; 2]) {
        let mut chain = Chain::new([7; 16], Form::Member, String::new());
        let mut signer = Signer::for_chain(&Keys::None, chain.uid());
        let mut notes = [String::new(), String::new()];
        let lines = (0..6).map(|number| {
            let checkpoint = chain.checkpoint();
            if number == 2 || number == 4 {
                assert_eq!(signer.sign(&checkpoint), Signature::Unsigned);
                notes[number / 2 - 1] = checkpoint.text(chain.uid());
            }
            let kind = if number == 0 { "genesis" } else { "other" };
            let id = format!("{}-{number}", chain.uid());
            let record = format!(
                r#"{{"metadata":{{"sequence":{number},"uid":"{id}"}},"unmapped":{{"audit":{{"kind":"{kind}"}}}}}}"#
            );
            let mut record = record.into_bytes();
            let place = record.len() - 2;
            chain.seal(&mut record, place);
            String::from_utf8(record).unwrap()
        });
        (lines.collect(), notes)
    }

    /// How many checkpoints of this file fit the records, and what is found.
    fn kept(file: impl AsRef<[u8]>) -> Result<(u64, Vec<String>), VerifyError> {
        let folder = tempfile::tempdir().unwrap();
        let [records, checkpoints] = ["records", "checkpoints"].map(|name| folder.path().join(name));
        std::fs::write(&records, written().0.join("\n")).unwrap();
        std::fs::write(&checkpoints, file).unwrap();
        let mut codes = Vec::new();
        let mut told = |found: Found<'_>| {
            codes.push(found.finding.problem.code().to_owned());
            Ok(())
        };
        let mut verification = Verification::new(Trust::default());
        verification.keep(&checkpoints, &mut told)?;
        verification.read(Lines::open(&[records])?, &mut told)?;
        let (summary, files) = verification.finish(&mut told)?;
        assert_eq!(files.len(), 2);
        Ok((summary.chains[0].checkpoints.kept, codes))
    }

    #[test]
    fn notes_are_kept_in_files_of_any_kind() {
        let (_, [first, second]) = written();
        let both = format!("{first}{second}");
        for file in [
            both.clone(),
            format!("{first}\n\n{second}"),
            both.replace('\n', "\r\n"),
            format!("# of the first of May\n{first}# of the second\n{second}the end"),
            both.trim_end().to_owned(),
        ] {
            assert_eq!(kept(&file).unwrap(), (2, vec![]), "{file}");
        }
        let (count, codes) = kept(first.replace("\n2\n", "\n3\n")).unwrap();
        assert_eq!((count, codes), (0, vec!["kept_checkpoint".to_owned()]));
        // Of somebody who does not sign as C2SP has it.
        let (count, codes) = kept(format!("{first}\n\u{2014} x y\n")).unwrap();
        assert_eq!((count, codes), (1, vec!["note".to_owned()]));
    }

    #[test]
    fn a_file_without_checkpoints_is_none() {
        let records = written().0.join("\n");
        assert!(matches!(kept(&records), Err(VerifyError::NoCheckpoint(_, None))));
        assert!(matches!(kept(""), Err(VerifyError::NoCheckpoint(_, None))));
        let packed = |file: &[u8]| matches!(kept(file), Err(VerifyError::NoCheckpoint(_, Some(_))));
        assert!(packed(b"BZh\n{\n{\n"));
        assert!(!packed(b"BZh\n{\n\"class_uid\":"), "something of a record is in it");
        assert_eq!(
            kept(format!("BZh\n{{\n{}", written().1[0])).unwrap(),
            (1, vec!["half_record".to_owned()])
        );
        assert!(matches!(kept("x\nportcullis.audit/x\n1\n2\n3\n"), Err(VerifyError::NoNote(_, 2))));
    }
}
