//! Recorded traffic through a module.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use portcullis_scenario::report::shown;
pub(crate) use portcullis_scenario::report::{columns as table, short};
use portcullis_scenario::traffic::{Recorded, Traffic};
use portcullis_scenario::{Start, Target, TargetError, concealed};
use portcullis_sim::Setup;
use portcullis_sim::http::Exchange;

use crate::commands::{read, read_config};
use crate::targets::{Starter, load_module, since_epoch};

/// What is sent.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// The recorded traffic: a HAR 1.2 file, or what Envoy's HTTP tap has written, buffered or streamed.
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: PathBuf,
    /// The time, RFC 3339 in UTC: that of the recording, if tokens are to be as valid as they were. Left out: the real time.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339)]
    pub(crate) clock: Option<SystemTime>,
    /// Shows credentials and queries as they are, in place of their lengths and digests.
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// The form of the report.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What came of one entry: the exchange, or why it could not be played.
pub(crate) type Outcome = Result<Exchange, String>;

impl Source {
    /// Reads the traffic; what of it cannot be sent is told.
    pub(crate) fn read(&self) -> Result<Traffic, String> {
        let file = self.traffic.display().to_string();
        let traffic = Traffic::read(&file, &read(&self.traffic)?).map_err(|error| error.to_string())?;
        for why in &traffic.skipped {
            anstream::eprintln!("portcullis: {file}: left out: {}", shown(why));
        }
        match traffic.entries.is_empty() {
            true => Err(format!("{file}: no request in it that can be sent again")),
            false => Ok(traffic),
        }
    }

    /// A module with its configuration, started; or the lines with which it refuses the configuration.
    pub(crate) fn start(&self, module: &Path, config: Option<&Path>) -> Result<Started, String> {
        let configuration = config.map(read_config).transpose()?.unwrap_or_default();
        let setup = Setup { clock: self.clock.map(since_epoch), ..Setup::of(configuration) };
        match Starter::Wasm(vec![load_module(module)?]).start(&setup) {
            Ok(target) => Ok(Started::Target(target)),
            Err(TargetError::Configuration(lines)) => {
                let lines = lines.iter().map(|line| format!("{}: {}", line.level, line.message));
                Ok(Started::Refused(lines.collect()))
            }
            Err(error) => Err(format!("{}: {error}", module.display())),
        }
    }
}

/// A module that was started, or not.
pub(crate) enum Started {
    Target(Box<dyn Target>),
    /// It refused its configuration.
    Refused(Vec<String>),
}

/// Tells why a module has refused its configuration.
pub(crate) fn tell_refused(module: &Path, lines: &[String]) {
    anstream::println!("{}: the plugin refused its configuration", module.display());
    lines.iter().for_each(|line| anstream::println!("    {}", shown(line)));
}

/// Sends one recorded request.
///
/// # Errors
/// The target failed, or the plugin trapped and the target ends with that.
pub(crate) fn send(target: &mut dyn Target, recorded: &Recorded) -> Result<Outcome, String> {
    let at = |problem: String| shown(&format!("entry {}: {problem}", recorded.number));
    match target.send(std::slice::from_ref(&recorded.sending)) {
        Ok(mut exchanges) => {
            exchanges.pop().map(Ok).ok_or_else(|| at("the target gave no exchange".to_owned()))
        }
        Err(TargetError::NotHere(why)) => Ok(Err(why)),
        Err(error) => Err(at(error.to_string())),
    }
}

/// `GET /path` of a recorded request.
pub(crate) fn line(recorded: &Recorded, show_secrets: bool) -> String {
    let headers = &recorded.sending.request.headers;
    let value = |name: &[u8]| headers.iter().find(|(field, _)| field == name).map(|(_, value)| value);
    let told = |name: &[u8], value: &[u8]| match show_secrets {
        true => value.escape_ascii().to_string(),
        false => concealed(name, value),
    };
    let text = |name: &[u8]| value(name).map(|value| told(name, value)).unwrap_or_default();
    format!("{} {}", text(b":method"), text(b":path"))
}
