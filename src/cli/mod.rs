//! The command line as it is typed. `settings` decides what it means.
#![expect(clippy::doc_markdown, reason = "these texts are the help, which is read in a terminal")]

mod commands;
pub mod completion;
mod groups;
pub mod man_pages;
mod program;
mod refused;
mod script;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, ColorChoice, FromArgMatches, Parser, ValueHint};

pub use commands::{
    CertArgs, CheckArgs, Command, CompletionsArgs, ConfigArgs, ExportArgs, InstallArgs,
    InventoryArgs, ListArgs, ManArgs, ShowArgs, SyncArgs, TemplateArgs, UninstallArgs, WaitArgs,
};
pub use groups::{
    CacheArgs, Goal, GoalArgs, ModeArgs, OutputArgs, ReportFormat, ScriptArgs, SourceArgs,
};
pub use program::{SETTINGS, VARIABLES, exit_codes, program};

use crate::api::address::ApiUrl;
use crate::failure::Failure;
use crate::terminal::Audience;
use crate::text::{boolean, duration};

const ABOUT: &str = "Connect to Prime Intellect GPU clusters with ssh and Ansible";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "prime-ssh", version, about = ABOUT, propagate_version = true)]
#[command(max_term_width = 100, subcommand_required = false)]
pub struct Cli {
    /// The options that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The questions of Ansible to a script, for the clusters of PRIME_SSH_CLUSTERS.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Address of the API [env: PRIME_API_BASE_URL, PRIME_BASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub api_url: Option<ApiUrl>,
    /// Use the context NAME of the prime CLI: ~/.prime/environments/NAME.json [env: PRIME_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Read the API token from this file instead of PRIME_API_KEY or ~/.prime
    #[arg(long, global = true, value_name = "FILE", env = "PRIME_SSH_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Time limit for one API call with all its tries (30, 30s, 5m, 2h)
    #[arg(long, global = true, value_name = "DURATION", env = "PRIME_SSH_TIMEOUT")]
    #[arg(default_value = "30s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Leave out hosts with refused values instead of failing
    #[arg(long, global = true, env = "PRIME_SSH_SKIP_INVALID", value_parser = boolean::parse)]
    pub skip_invalid: bool,
    /// Directory of ssh's files [default: ~/.ssh]
    #[arg(long, global = true, value_name = "DIR", env = "PRIME_SSH_DIR")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub ssh_dir: Option<PathBuf>,
    /// Print only warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print details, such as each API request and the age of a cached answer
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// When to use color; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

impl Cli {
    /// Reads the program's arguments. Ends the program for `--help`, `--version` and most of what
    /// cannot be read, with exit code 2.
    pub fn from_command_line() -> Result<Self, (Failure, Audience)> {
        let arguments: Vec<_> = std::env::args_os().collect();
        let mut program = program();
        Self::read(arguments.clone(), &mut program).map_err(|mut error| {
            refused::hide_password(&mut error);
            refused::give_no_tip(&mut error);
            refused::blame_variable(&mut error, &program, &arguments);
            if error.use_stderr() && script::is_asked(&arguments) {
                return (refused::for_ansible(&error), Audience::Ansible);
            }
            let failure = refused::unknown_command(&error, &program);
            (failure.unwrap_or_else(|| error.exit()), Audience::Person)
        })
    }

    fn read(arguments: Vec<OsString>, command: &mut clap::Command) -> Result<Self, clap::Error> {
        let mut matches = command.try_get_matches_from_mut(&arguments)?;
        if matches.get_flag("list") || matches.contains_id("host") {
            if matches.subcommand_name().is_some() {
                let message = "--list and --host belong behind `inventory`";
                return Err(command.error(ErrorKind::ArgumentConflict, message));
            }
            let arguments = script::as_inventory(arguments, command)?;
            matches = command.try_get_matches_from_mut(arguments)?;
        }
        let by_variable = matches.value_source("skip_invalid") == Some(ValueSource::EnvVariable);
        let mut cli = Self::from_arg_matches_mut(&mut matches)?;
        // What is installed must not depend on a shell's variables.
        if by_variable && matches!(cli.command, Command::Install(_) | Command::Sync(_)) {
            cli.global.skip_invalid = false;
        }
        Ok(cli)
    }

    /// Returns who reads the messages.
    #[must_use]
    pub fn audience(&self) -> Audience {
        match &self.command {
            Command::Inventory(args) if args.script.is_asked() => Audience::Ansible,
            Command::Cert(args) if args.ensure => Audience::Ssh,
            Command::Sync(args) if args.if_older.is_some() => Audience::Ssh,
            _ => Audience::Person,
        }
    }
}
