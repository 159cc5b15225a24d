//! A file or folder a command: it reads as the pipeline, and says what kind of failure each step is.
//!
//! What several commands share:
//!
//! - Answers: `fetch` reads files and asks the API, `cached` saves asking it, and `fleets` makes
//!   fleets of what came. `view` does all that for clusters as they are installed here.
//! - Changes: `installed` brings clusters from an answer into the ssh folder.
//! - Logins: `nodes` reaches hosts and says how they are, `cluster_certificates` has the certificates
//!   that clusters require, and `openssh` knows the ssh of this machine.
//! - Printing: `output` delivers texts, and `report` tables and JSON.

mod cached;
mod cert;
mod check;
mod cluster_certificates;
mod completions;
mod config;
mod doctor;
mod export;
mod fetch;
mod fleets;
mod install;
mod installed;
mod inventory;
mod list;
mod man;
mod nodes;
mod openssh;
mod output;
mod render;
mod report;
mod show;
mod sync;
mod uninstall;
mod view;
mod wait;

use crate::cli::Command;
use crate::failure::Outcome;
use crate::settings::Context;

/// Does what was typed.
pub fn run(command: Command, context: &Context) -> Outcome<()> {
    match command {
        Command::Cert(args) => cert::run(args, context),
        Command::Check(args) => check::run(&args, context),
        Command::Config(args) => config::run(&args, context),
        Command::Doctor { format } => doctor::run(format, context),
        Command::Export(args) => export::run(&args, context),
        Command::Inventory(args) => inventory::run(&args, context),
        Command::Install(args) => install::run(*args, context),
        Command::List(args) => list::run(&args, context),
        Command::Render(args) => render::run(&args, context),
        Command::Show(args) => show::run(&args, context),
        Command::Sync(args) => sync::run(&args, context),
        Command::Wait(args) => wait::run(&args, context),
        Command::Uninstall(args) => uninstall::run(&args, context),
        Command::Man(args) => man::run(args),
        Command::Completions(args) => completions::run(args, context),
    }
}
