//! Turns a Prime Intellect GPU cluster into something you can ssh into and run playbooks on.
//!
//! Data runs one way: `args` → `settings` → `api` (fetch) → `fleet` (walk) → `render` → stdout, a
//! file or `install`. Nothing from the API reaches a template but as a checked value of [`name`].
//!
//! A room uses only rooms of the lines above it, or of its own:
//!
//! - values and words: [`name`], [`secret`], [`untrusted`], [`shell`], [`duration`], [`when`],
//!   [`alike`]; what a person sees and why a run ends: [`terminal`], [`failure`];
//! - this machine: programs ([`child`], [`openssh`]), work that may hang ([`beside`]);
//! - the far side: the [`api`], whether a host answers ([`probe`]) and lets us in ([`login`]);
//! - what is kept below ssh's folder: [`install`], [`certificate`], [`cache`];
//! - clusters: the checked [`fleet`], and every text that is made of it ([`render`]);
//! - what was typed ([`args`], [`completion`], [`man`]) and what it comes to ([`settings`]);
//! - what is wrong on a machine ([`doctor`]);
//! - [`commands`]: one file a command, each of which reads as the pipeline.

pub mod alike;
pub mod api;
pub mod args;
pub mod beside;
pub mod cache;
pub mod certificate;
pub mod child;
pub mod commands;
pub mod completion;
pub mod digest;
pub mod doctor;
pub mod duration;
pub mod failure;
pub mod fleet;
pub mod install;
pub mod login;
pub mod man;
pub mod name;
pub mod openssh;
pub mod probe;
pub mod render;
pub mod secret;
pub mod settings;
pub mod shell;
pub mod terminal;
pub mod untrusted;
pub mod when;
pub mod write;
