//! The program: parse, run, report, exit code.

use std::process::ExitCode;

use nix::sys::signal::{SigSet, Signal};
use prime_ssh::cli::{Cli, Color, Refused};
use prime_ssh::commands;
use prime_ssh::failure::Failure;
use prime_ssh::settings::{Context, Environment};
use prime_ssh::terminal::Terminal;

fn main() -> ExitCode {
    // So that a write beyond `ulimit -f` is an error, and not the end. Programs that we start get an
    // empty mask from the standard library. If this fails, the signal ends us as before.
    let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
    let cli = match Cli::from_command_line() {
        Ok(cli) => cli,
        Err(Refused { failure, audience }) => {
            return end(&failure, Terminal::new(audience, false, false));
        }
    };
    match cli.global.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let terminal = Terminal::new(cli.audience(), cli.global.quiet, cli.global.verbose);
    let context = Context { global: cli.global, environment: Environment::here(), terminal };
    match commands::run(cli.command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(&failure, terminal),
    }
}

fn end(failure: &Failure, terminal: Terminal) -> ExitCode {
    terminal.failure(failure);
    failure.kind.into()
}
