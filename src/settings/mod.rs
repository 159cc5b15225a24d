//! From what was typed, the environment and `~/.prime` to the input of each stage: the one place
//! where it is decided what wins.

mod cert;
mod connection;
mod context;
mod environment;
mod install;
mod live;
mod own_commands;
mod prime_cli;

pub use cert::CertSettings;
pub use connection::check_jump;
pub use context::{Access, Context, Origin, Source, no_token};
pub use environment::Environment;
pub use install::{InstallSettings, LOCK_LIMIT, Rendering, ViewSettings, check_sync};
pub use own_commands::{OwnCommands, pasted};
