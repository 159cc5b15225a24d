//! `prime-ssh completions`: the script of a shell, and what it asks while a person types.

use std::path::PathBuf;

use super::output;
use crate::cli::completion::{self, Line};
use crate::cli::{CompletionsArgs, program};
use crate::failure::Outcome;
use crate::settings::{self, Context};

pub(super) fn run(args: CompletionsArgs, context: &Context) -> Outcome<()> {
    let CompletionsArgs { shell, words } = args;
    match words {
        None => output::print(|to| to.write_all(shell.script().as_bytes())),
        Some(mut words) => {
            let last = words.pop().unwrap_or_default();
            let mut program = program();
            program.build();
            let line = Line::read(&program, &words);
            let ssh_dir =
                line.ssh_dir().map(PathBuf::from).or_else(|| context.global.ssh_dir.clone());
            let installed = || match settings::ssh_layout(ssh_dir.as_deref(), &context.environment)
            {
                Ok(layout) => completion::installed(&layout),
                Err(_) => Vec::new(),
            };
            let fitting = line.fitting(&last.to_string_lossy(), installed);
            output::print(|to| completion::write(&fitting, to))
        }
    }
}
