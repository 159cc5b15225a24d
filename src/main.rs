//! The program: parse, run, report, exit code.

use std::process::ExitCode;

use prime_ssh::cli::{Color, Refused, Typed};
use prime_ssh::commands;
use prime_ssh::failure::Failure;
use prime_ssh::settings::{Context, Environment};
use prime_ssh::terminal::Terminal;

fn main() -> ExitCode {
    let typed = match Typed::from_command_line() {
        Ok(typed) => typed,
        Err(Refused { failure, audience }) => {
            return end(&failure, Terminal::new(audience, false, false));
        }
    };
    match typed.global.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let terminal = Terminal::new(typed.audience(), typed.global.quiet, typed.global.verbose);
    let context = Context { global: typed.global, environment: Environment::here(), terminal };
    match commands::run(typed.command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(&failure, terminal),
    }
}

fn end(failure: &Failure, terminal: Terminal) -> ExitCode {
    terminal.failure(failure);
    failure.kind.into()
}
