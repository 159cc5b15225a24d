//! Turns a Prime Intellect GPU cluster into something you can ssh into and run playbooks on.
//!
//! Data runs one way: `args` → `settings` → `api` (fetch) → `fleet` (walk) → `render` → stdout or
//! a file. Nothing from the API reaches a template but as a checked value of [`name`].

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
