//! The `portcullis` command. This file parses; each subcommand has a file of its own.

mod cache;
mod commands;
mod fuel;
mod golden;
mod measured;
mod profiled;
mod scenarios;
mod session;
mod suite;
mod targets;
mod traffic;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use portcullis_scenario::report::shown_line;

/// Runs proxy-wasm modules as Envoy would.
///
/// Exit codes: 0 all good, 1 an expectation failed or a configuration was refused, 2 bad input.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(Box<commands::audit::Audit>),
    Bench(commands::bench::Bench),
    Check(commands::check::Check),
    Diff(commands::diff::Diff),
    Fuel(commands::fuel::Fuel),
    Init(commands::init::Init),
    Inspect(commands::inspect::Inspect),
    Oci(commands::oci::Oci),
    Playground(commands::playground::Playground),
    Replay(commands::replay::Replay),
    Run(commands::run::Run),
    Schema(commands::schema::Schema),
    Test(commands::test::Test),
    Token(commands::token::Token),
}

/// How a command ended when its input was good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Audit(command) => command.execute(),
        Command::Bench(command) => command.execute(),
        Command::Check(command) => command.execute(),
        Command::Diff(command) => command.execute(),
        Command::Fuel(command) => command.execute(),
        Command::Init(command) => command.execute(),
        Command::Inspect(command) => command.execute(),
        Command::Oci(command) => command.execute(),
        Command::Playground(command) => command.execute(),
        Command::Replay(command) => command.execute(),
        Command::Run(command) => command.execute(),
        Command::Schema(command) => command.execute(),
        Command::Test(command) => command.execute(),
        Command::Token(command) => command.execute(),
    };
    match result {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(problem) => {
            let lines: Vec<_> = problem.split('\n').map(shown_line).collect();
            anstream::eprintln!("portcullis: {}", lines.join("\n"));
            ExitCode::from(2)
        }
    }
}
