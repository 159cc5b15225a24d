//! One short file a command: it reads as the pipeline, and says what kind of failure each step is.

mod cert;
mod certificates;
mod check;
mod completions;
mod config;
mod doctor;
mod fetch;
mod gather;
mod install;
mod installed;
mod inventory;
mod list;
mod man;
mod output;
mod recall;
mod render;
mod report;
mod show;
mod ssh_options;
mod sync;
mod uninstall;
mod view;
mod wait;

use crate::cli::{Command, Typed};
use crate::failure::Outcome;
use crate::settings::Environment;
use crate::terminal::Terminal;

/// Does what was typed.
pub fn run(typed: Typed, machine: &Environment, terminal: Terminal) -> Outcome<()> {
    match typed.command {
        Command::Cert(args) => cert::run(args, &typed.global, machine, terminal),
        Command::Check(args) => check::run(args, &typed.global, machine, terminal),
        Command::Config(args) => config::run(*args, &typed.global, machine, terminal),
        Command::Doctor(args) => doctor::run(&args, &typed.global, machine, terminal),
        Command::Inventory(args) => inventory::run(*args, &typed.global, machine, terminal),
        Command::Install(args) => install::run(*args, &typed.global, machine, terminal),
        Command::List(args) => list::run(args, &typed.global, machine, terminal),
        Command::Render(args) => render::run(*args, &typed.global, machine, terminal),
        Command::Show(args) => show::run(args, &typed.global, machine, terminal),
        Command::Sync(args) => sync::run(args, &typed.global, machine, terminal),
        Command::Wait(args) => wait::run(args, &typed.global, machine, terminal),
        Command::Uninstall(args) => uninstall::run(args, &typed.global, machine, terminal),
        Command::Man(args) => man::run(args),
        Command::Completions(args) => completions::run(args, typed.global, machine),
    }
}
