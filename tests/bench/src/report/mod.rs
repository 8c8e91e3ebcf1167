//! What was measured, where and with what: as a file, as tables and as a figure.

mod comparisons;
mod costs;
mod page;
mod plot;
mod row;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;
use std::{fs, thread};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cpu;
use crate::setting::Setting;

pub(crate) use costs::COSTS;
pub(crate) use page::{in_page, page};
pub(crate) use plot::plot;
pub(crate) use row::{PacedRow, Row};
pub(crate) use table::table;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// `short` or `full`.
    pub(crate) mode: String,
    /// In UTC.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    pub(crate) versions: Versions,
    pub(crate) rows: Vec<Row>,
    /// Latencies at a fixed rate.
    pub(crate) paced: Vec<PacedRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Versions {
    pub(crate) envoy: String,
    pub(crate) portcullis: String,
    pub(crate) modules: BTreeMap<String, Module>,
}

/// A module as it was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Module {
    pub(crate) bytes: u64,
    /// The beginning of its digest.
    pub(crate) sha256: String,
}

impl Report {
    /// An empty report about this machine, this version of Envoy and these modules below `directory`.
    ///
    /// # Errors
    /// A module cannot be read.
    pub(crate) fn new(
        mode: &str,
        envoy: String,
        directory: &Path,
        modules: BTreeSet<String>,
    ) -> Result<Self, String> {
        let named = |name: String| {
            let module = Module::read(&directory.join(&name))?;
            Ok::<_, String>((name, module))
        };
        let modules = modules.into_iter().map(named).collect::<Result<_, _>>()?;
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            mode: mode.to_owned(),
            date: now.split('T').next().unwrap_or_default().to_owned(),
            machine: Machine { cores, cpu: cpu::model() },
            versions: Versions { envoy, portcullis: env!("CARGO_PKG_VERSION").to_owned(), modules },
            rows: Vec::new(),
            paced: Vec::new(),
        })
    }

    pub(crate) fn to_json(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        Ok(text + "\n")
    }

    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read(path).map_err(|error| named(&error))?;
        serde_json::from_slice(&text).map_err(|error| named(&error))
    }

    /// The settings of its rows, in order.
    fn settings(&self) -> Vec<Setting> {
        let mut settings: Vec<_> = self.rows.iter().map(|row| row.setting).collect();
        settings.dedup();
        settings
    }

    fn row(&self, setting: Setting, case: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.setting == setting && row.case == case)
    }

    /// The machine, the versions and the date, on one line.
    fn provenance(&self) -> String {
        let Machine { cores, cpu } = &self.machine;
        let Self { versions, date, .. } = self;
        format!("Envoy {}, {cores} cores of {cpu}, {date}", versions.envoy)
    }
}

impl Module {
    fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let digest = Sha256::digest(&bytes);
        let sha256 = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes: bytes.len() as u64, sha256 })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cases::Case;
    use crate::sample::Sample;

    /// A report in which each case costs a microsecond more than the one before, in two settings.
    pub(crate) fn report() -> Report {
        let sample = |cpu_us: f64| Sample {
            cpu_us,
            rps: 1e6 / cpu_us,
            p50_ms: 1.0,
            p99_ms: 2.0,
            p999_ms: 3.0,
            rss_mib: 64.0 + cpu_us,
        };
        let main: Vec<Case> = Case::ALL.into_iter().filter(|case| case.is_main).collect();
        let pairs = |number: usize| vec![(sample(20.0 + number as f64), sample(20.0)); 3];
        let all: Vec<_> = (0..main.len()).map(pairs).collect();
        let rows = |setting| Row::all(setting, main.iter().copied().zip(&all));
        let paced = ["none", "suite"].map(|name| {
            let case = *main.iter().find(|case| case.name == name).unwrap();
            PacedRow::new(Setting::FIRST, case, 12_700, &[(sample(30.0), sample(20.0))])
        });
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wasm"), b"\0asm").unwrap();
        let modules = BTreeSet::from(["a.wasm".to_owned()]);
        let mut report = Report::new("short", "1.40.0".to_owned(), folder.path(), modules).unwrap();
        report.rows = [Setting::ALL[0], Setting::ALL[8]].into_iter().flat_map(rows).collect();
        report.paced = paced.to_vec();
        report
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = report();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.json");
        fs::write(&path, report.to_json().unwrap()).unwrap();
        assert_eq!(Report::read(&path).unwrap().to_json(), report.to_json());
        assert_eq!(report.settings(), [Setting::ALL[0], Setting::ALL[8]]);
        let module = &report.versions.modules["a.wasm"];
        // sha256sum of the four bytes.
        assert_eq!((module.bytes, module.sha256.as_str()), (4, "cd5d4935a48c"));
        assert_eq!(report.date.len(), "2026-01-01".len());
        assert!(report.machine.cores >= 1);
    }
}
