use std::fmt;
use std::process::ExitStatus;

use portcullis_sim::http::LogLine;

use crate::log::{Entry, LogFile};

/// What Envoy says when the canary's `proxy_on_vm_start` or `proxy_on_configure` returned false.
const REFUSED: [&str; 2] = ["Failed to start base Wasm", "Failed to configure base Wasm plugin"];

/// Why an Envoy ended, out of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obituary {
    /// How the process ended.
    pub status: ExitStatus,
    /// What the plugin had logged.
    pub plugin: Vec<LogLine>,
    /// The backtrace, if the plugin trapped.
    pub trap: Option<String>,
    /// What Envoy complained of.
    pub complaints: Vec<String>,
}

impl Obituary {
    pub(crate) fn new(status: ExitStatus, mut log: LogFile) -> Self {
        let mut obituary = Self { status, ..Self::default() };
        for entry in log.entries().unwrap_or_default() {
            match entry {
                Entry::Plugin(line) => obituary.plugin.push(line),
                Entry::Trap(backtrace) => obituary.trap = obituary.trap.or(Some(backtrace)),
                Entry::Complaint(text) => obituary.complaints.push(text),
            }
        }
        obituary
    }

    /// Whether the plugin refused its configuration, by its own decision.
    pub fn is_refusal(&self) -> bool {
        let refused = |text: &String| REFUSED.iter().any(|refused| text.contains(refused));
        self.trap.is_none() && self.complaints.iter().any(refused)
    }
}

impl fmt::Display for Obituary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envoy ended with {}", self.status)?;
        let lines = self.trap.iter().chain(&self.complaints);
        lines.into_iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}
