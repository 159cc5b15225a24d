//! Turns a Prime Intellect GPU cluster into something you can ssh into and run playbooks on.
//!
//! One road leads from an answer to an output: [`cli`] (what was typed) → [`settings`] (what it
//! means) → [`api`] (fetch, parse) → [`cluster`] (check, resolve) → [`render`] (text) → stdout, a
//! file, or [`install`]. Nothing from the API reaches a template but as a checked value of [`name`].
//!
//! A room uses only rooms of the lines above it, or of its own:
//!
//! - text for people and shells: [`text`]; checked values: [`name`]; exit codes: [`failure`];
//! - what people see: [`terminal`]; files: [`fs`];
//! - the Prime Intellect API: [`api`];
//! - the hosts themselves, and other programs: [`ssh`];
//! - clusters and their hosts: [`cluster`];
//! - every text that is made of them: [`render`];
//! - what is kept below the ssh folder: [`certificate`], [`install`];
//! - what was typed: [`cli`]; what it means: [`settings`];
//! - what is wrong on a machine: [`doctor`];
//! - a file or folder a command, which reads as the pipeline, and what they share: [`commands`].

/// Code that the tests of the library share with those of the program.
#[cfg(test)]
#[macro_use]
#[path = "../tests/it/support"]
mod support {
    pub mod any_config;
    #[macro_use]
    pub mod programs;
}

pub mod api;
pub mod certificate;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod doctor;
pub mod failure;
pub mod fs;
pub mod install;
pub mod name;
pub mod render;
pub mod settings;
pub mod ssh;
pub mod terminal;
pub mod text;
