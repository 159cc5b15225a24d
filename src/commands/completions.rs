//! `prime-ssh completions`: the script of a shell, and what it asks while a person types.

use super::output;
use crate::cli::completion::{self, Line};
use crate::cli::{CompletionsArgs, program};
use crate::failure::Outcome;
use crate::install::folder;
use crate::settings::Context;

pub(super) fn run(args: CompletionsArgs, context: &Context) -> Outcome<()> {
    let CompletionsArgs { shell, words } = args;
    match words {
        None => output::print(|to| to.write_all(shell.script().as_bytes())),
        Some(mut words) => {
            let last = words.pop().unwrap_or_default();
            let mut program = program();
            program.build();
            let line = Line::read(&program, &words);
            let mut context = context.clone();
            if let Some(folder) = line.ssh_dir() {
                context.global.ssh_dir = Some(folder.into());
            }
            let installed = || match context.layout_for_reading() {
                Ok(layout) => folder::records(&layout),
                Err(_) => Vec::new(),
            };
            let fitting = line.fitting(&last.to_string_lossy(), installed);
            output::print(|to| completion::write(&fitting, to))
        }
    }
}
