use log::Level;

use crate::http::LogLine;
use crate::{Hostcall, Refusal, Sim};

/// Enough for any scenario; a plugin that logs in a loop must not eat the machine.
const LINES: usize = 100_000;
const BYTES: usize = 256 << 20;

impl Sim {
    /// `proxy_log`: level 0 to 5 is trace to critical.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for another level.
    pub fn write_log(&mut self, level: u32, message: &[u8]) -> Hostcall<()> {
        let result = match level_of(level) {
            Some(known) => {
                self.push_log(known, &String::from_utf8_lossy(message));
                Ok(())
            }
            None => Err(Refusal::bad_argument(format!("{level} is not a log level; 0 to 5 are"))),
        };
        self.note("proxy_log", &[&level, &message], result)
    }

    /// `proxy_get_log_level`: trace, so that every line is written.
    ///
    /// # Errors
    /// None.
    pub fn log_level(&mut self) -> Hostcall<u32> {
        self.note("proxy_get_log_level", &[], Ok(0))
    }

    /// Writes a line that does not come through the ABI: standard output of a module, the proxy's own words on a trap.
    pub fn push_log(&mut self, level: Level, message: &str) {
        let bytes = self.line_bytes.saturating_add(message.len());
        if self.lines.len() < LINES && bytes <= BYTES {
            self.line_bytes = bytes;
            self.lines.push(LogLine { level, message: message.to_owned() });
        }
    }
}

fn level_of(level: u32) -> Option<Level> {
    match level {
        0 => Some(Level::Trace),
        1 => Some(Level::Debug),
        2 => Some(Level::Info),
        3 => Some(Level::Warn),
        4 | 5 => Some(Level::Error),
        _ => None,
    }
}
