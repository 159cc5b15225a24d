//! Finds what is wrong on this machine, with what to do about it.
//!
//! Each examination is a small file that goes from what was read to findings. It changes nothing (no
//! lock, no certificate, no file) and prints nothing. The command sets the limits, and looks at all that
//! takes the API's answer.

mod finding;

pub mod certificates;
pub mod files;
pub mod hosts;
pub mod include;
pub mod jumps;
pub mod keys;
pub mod live;
pub mod permissions;
pub mod shell;
pub mod snapshot;
pub mod ssh;

pub use finding::{Check, Finding, State};
