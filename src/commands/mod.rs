//! One short file a command: it reads as the pipeline, and says what kind of failure each step is.

mod cert;
mod certificates;
mod config;
mod gather;
mod output;

use crate::args::{Command, Typed};
use crate::failure::Outcome;
use crate::settings::Machine;
use crate::terminal::Terminal;

/// Does what was typed.
pub fn run(typed: Typed, machine: &Machine, terminal: Terminal) -> Outcome<()> {
    match typed.command {
        Command::Cert(args) => cert::run(args, &typed.global, machine, terminal),
        Command::Config(args) => config::run(*args, &typed.global, machine, terminal),
    }
}
