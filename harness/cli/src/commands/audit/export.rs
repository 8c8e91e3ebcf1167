use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use portcullis_audit::export::{Csv, Ecs, Messages, Ocsf};
use portcullis_audit::show::footer;
use portcullis_audit::{Field, Lines, Selection, Sink, Tally};
use portcullis_audit_parquet::Parquet;

use super::chosen::{Chosen, KindName};
use super::failure::{Failure, ended};
use super::output::Output;
use crate::Verdict;

/// What is written at once.
const AT_ONCE: usize = 256 << 10;

/// Writes records for other programs.
///
/// Records that were delivered twice are written once. A file is there when it is complete, readable for whoever wrote it.
///
/// Exit codes: 0 all good, 1 some lines could not be read or some records not be written, 2 a file cannot be read or written, or is of another kind.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    target: Target,
    /// Of CSV and Parquet: the columns, with commas; the names of fields. Left out: all.
    #[arg(long, value_name = "NAMES", value_parser = field, value_delimiter = ',', conflicts_with_all = ["ocsf", "ecs", "protobuf"])]
    columns: Vec<Field>,
    /// Of CSV: texts that a spreadsheet takes for formulas get no apostrophe before them.
    #[arg(long, requires = "csv")]
    raw: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Parquet with typed columns, for DuckDB and other engines. - is the standard output, here as with all forms.
    #[arg(long, value_name = "OUT")]
    parquet: Option<PathBuf>,
    /// CSV.
    #[arg(long, value_name = "OUT")]
    csv: Option<PathBuf>,
    /// JSON lines in OCSF: the records byte for byte as they were written, so that they can still be verified.
    #[arg(long, value_name = "OUT")]
    ocsf: Option<PathBuf>,
    /// JSON lines in ECS. Records that are in OCSF are changed for that; their hashes are those of the records in OCSF.
    #[arg(long, value_name = "OUT")]
    ecs: Option<PathBuf>,
    /// Messages of protobuf, as proto/audit.proto has them, in two fifths of the room. Whatever reads records reads them as well, and
    /// they can still be verified.
    #[arg(long, value_name = "OUT")]
    protobuf: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Parquet,
    Csv,
    Ocsf,
    Ecs,
    Protobuf,
}

impl Target {
    fn named(&self) -> Result<(Form, &PathBuf), String> {
        let Self { parquet, csv, ocsf, ecs, protobuf } = self;
        let all = [
            (Form::Parquet, parquet),
            (Form::Csv, csv),
            (Form::Ocsf, ocsf),
            (Form::Ecs, ecs),
            (Form::Protobuf, protobuf),
        ];
        let named = all.into_iter().find_map(|(form, path)| Some((form, path.as_ref()?)));
        named.ok_or_else(|| "name a form: --parquet, --csv, --ocsf, --ecs or --protobuf".to_owned())
    }
}

impl Export {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let (form, path) = self.target.named()?;
        let selection = self.chosen.selection(&[KindName::All])?;
        let (lines, bar) = self.chosen.open()?;
        let mut output = Output::create(path, self.chosen.files())?;
        ended(self.written(form, lines, &bar, &selection, &mut output).and_then(|verdict| {
            output.finish()?;
            Ok(verdict)
        }))
    }

    fn written(
        &self,
        form: Form,
        lines: Lines,
        bar: &ProgressBar,
        selection: &Selection,
        output: &mut Output,
    ) -> Result<Verdict, Failure> {
        let fields = if self.columns.is_empty() { Field::ALL } else { &self.columns };
        let mut out = BufWriter::with_capacity(AT_ONCE, output.writer());
        let mut sink: Box<dyn Sink + '_> = match form {
            Form::Parquet => Box::new(Parquet::new(&mut out, fields)?),
            Form::Csv => Box::new(Csv::new(&mut out, fields.to_vec(), self.raw)?),
            Form::Ocsf => Box::new(Ocsf::new(&mut out)),
            Form::Ecs => Box::new(Ecs::new(&mut out)),
            Form::Protobuf => Box::new(Messages::new(&mut out)?),
        };
        let tally = self.chosen.pass(lines, bar, selection, sink.as_mut())?;
        sink.end(&tally)?;
        drop(sink);
        out.flush()?;
        Ok(told(&tally, form))
    }
}

/// Says what was written; not where that may be written to.
fn told(tally: &Tally, form: Form) -> Verdict {
    anstream::eprint!("{}", footer(tally));
    let left_out = if form == Form::Ocsf { tally.ecs } else { 0 };
    if left_out > 0 {
        anstream::eprintln!(
            "portcullis: {left_out} records are in ECS, and were not written: export them with --ecs"
        );
    }
    if tally.broken > 0 || left_out > 0 { Verdict::Bad } else { Verdict::Good }
}

fn field(name: &str) -> Result<Field, String> {
    Field::named(name.trim()).ok_or_else(|| format!("no field; there are {}", Field::names()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        export: Export,
    }

    fn export(from: &Path, form: &str, to: &Path) -> Vec<u8> {
        let line = Line::parse_from([Path::new("export"), from, Path::new(form), to]);
        assert!(matches!(line.export.execute(), Ok(Verdict::Good)));
        std::fs::read(to).unwrap()
    }

    #[test]
    fn from_protobuf_every_byte_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let record = include_bytes!("../../../../audit/tests/records/request.ocsf.json");
        std::fs::write(path("audit.jsonl"), record).unwrap();
        let messages = export(&path("audit.jsonl"), "--protobuf", &path("audit.pb"));
        assert!(messages.len() * 2 < record.len());
        assert_eq!(export(&path("audit.pb"), "--ocsf", &path("back.jsonl")), record);
    }
}
