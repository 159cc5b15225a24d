//! The program: parse, run, report, exit code.

use std::panic::{self, PanicHookInfo};
use std::process::{self, ExitCode};
use std::thread;

use clap::ColorChoice;
use nix::sys::signal::{SigSet, Signal};
use prime_ssh::cli::Cli;
use prime_ssh::commands;
use prime_ssh::failure::{Failure, Kind};
use prime_ssh::render::template;
use prime_ssh::settings::{Context, Environment};
use prime_ssh::terminal::Terminal;

fn main() -> ExitCode {
    // So that a write beyond `ulimit -f` is an error, and not the end. Programs that we start get an
    // empty mask from the standard library. If this fails, the signal ends us as before.
    let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
    let cli = match Cli::from_command_line() {
        Ok(cli) => cli,
        Err((failure, audience)) => {
            return end(&failure, Terminal::new(audience, false, false));
        }
    };
    match cli.global.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    let terminal = Terminal::new(cli.audience(), cli.global.quiet, cli.global.verbose);
    // Nothing is unwound (`panic` in Cargo.toml): a panic in any thread is the end of the run.
    panic::set_hook(Box::new(move |panicked| {
        let failure = of_panic(panicked);
        terminal.failure(&failure);
        process::exit(failure.kind.exit_code().into());
    }));
    let context = Context { global: cli.global, environment: Environment::here(), terminal };
    match commands::run(cli.command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(&failure, terminal),
    }
}

/// A panic is a fault of this program, or a template that the engine does not survive.
fn of_panic(panicked: &PanicHookInfo<'_>) -> Failure {
    let payload = panicked.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let why = text.or_else(|| payload.downcast_ref().copied()).unwrap_or("no reason is given");
    if thread::current().name() == Some(template::THREAD) {
        return Failure::message(Kind::Usage, format!("the template engine failed: {why}"));
    }
    let place = panicked.location().map(|place| format!(" at {place}")).unwrap_or_default();
    Failure::message(Kind::Local, format!("this is a bug of prime-ssh{place}: {why}"))
        .hint("please report it, with the command and the version")
}

fn end(failure: &Failure, terminal: Terminal) -> ExitCode {
    terminal.failure(failure);
    failure.kind.exit_code().into()
}
