mod chosen;
mod export;
mod failure;
mod key;
mod output;
mod progress;
mod show;
mod verify;

use clap::{Args, Subcommand};

use crate::Verdict;

/// Reads what the filter audit-log has written.
///
/// Exit codes: 0 all good, 1 something in the files is not as it should be, 2 they cannot be read.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export::Export),
    Key(key::Key),
    Show(show::Show),
    Verify(verify::Verify),
}

impl Audit {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        match self.command {
            Command::Export(command) => command.execute(),
            Command::Key(command) => command.execute(),
            Command::Show(command) => command.execute(),
            Command::Verify(command) => command.execute(),
        }
    }
}
