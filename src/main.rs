//! The program: parse, run, report, exit code.

use std::process::ExitCode;
use std::sync::Arc;

use prime_ssh::cli::{Cli, Color, Refused};
use prime_ssh::commands;
use prime_ssh::failure::Failure;
use prime_ssh::settings::{Context, Environment};
use prime_ssh::terminal::Terminal;
use signal_hook::consts::SIGXFSZ;

fn main() -> ExitCode {
    // A file that would grow beyond `ulimit -f` is an error, and not the end of the program.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
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
