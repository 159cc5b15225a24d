//! The program from outside: as a user runs it, against a served API, real ssh and real sshd.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(clippy::too_many_lines, reason = "a list of values, or one program after another")]
#![expect(clippy::items_after_statements, reason = "`needs!` comes first")]

// First, for its macros.
#[macro_use]
mod support;

mod ansible;
mod cache;
mod certificate;
mod check;
mod client;
mod clusters;
mod completion;
mod doctor;
mod end_to_end;
mod export;
mod failures;
mod fuzz;
mod harness;
mod house;
mod in_step;
mod install;
mod limits;
mod list;
mod man;
mod oracle;
mod output_file;
mod readers;
mod readme;
mod remedies;
mod render;
mod rendered;
mod security;
mod selection;
mod settings;
mod show;
mod usage;
mod wait;
mod wheel;
