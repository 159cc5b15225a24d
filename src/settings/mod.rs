//! From what was typed, the environment and `~/.prime` to the input of each stage: the one place
//! where it is decided what wins.

mod cert;
mod context;
mod endpoint;
mod environment;
mod hosts;
mod identity;
mod install;
mod inventory;
mod live;
mod own_commands;
mod precedence;
mod prime_cli;
mod program_path;
mod source;
mod view;

pub use cert::{CertSettings, refresh_is_off};
pub use context::{Context, ssh_layout};
pub use endpoint::{Access, Endpoint, no_token};
pub use environment::Environment;
pub use hosts::check_jump;
pub use install::{InstallSettings, LOCK_LIMIT, Rendering, check_sync};
pub use inventory::{check_ansible_options, format};
pub use own_commands::{OwnCommands, pasted};
pub use precedence::Settings;
pub use source::{Origin, Source};
pub use view::ViewSettings;
