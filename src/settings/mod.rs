//! From what was typed, the environment and `~/.prime` to the input of each stage: the one place
//! where it is decided what wins.

mod cert;
mod environment;
mod hosts;
mod identity;
mod install;
mod inventory;
mod own_commands;
mod prime_cli;
mod program;
mod renewal;
mod sources;
mod view;

pub use cert::{Wanted, refresh_is_off};
pub use environment::Environment;
pub use hosts::{host_options, selection};
pub use install::{Install, LOCK_LIMIT, Mode, OptionResolver, Rendering, check_sync};
pub use inventory::{check_login, format};
pub use own_commands::{OwnCommands, pasted};
pub use sources::{Access, Context, Endpoint, Origin, Settings, Source, no_token, ssh_layout};
pub use view::Viewing;
