//! From what was typed, the environment and `~/.prime` to the input of each stage: the one place
//! where it is decided what wins.

mod cert;
mod check;
mod config;
mod doctor;
mod environment;
mod export;
mod hosts;
mod identity;
mod install;
mod inventory;
mod list;
mod output;
mod own_commands;
mod prime_cli;
mod program;
mod render;
mod renewal;
mod sources;
mod view;
mod wait;

pub use cert::{Certify, OwnCertificates, Task, Wanted, refresh_is_off};
pub use check::Check;
pub use config::Config;
pub use doctor::Doctor;
pub use environment::Environment;
pub use export::Export;
pub use install::{Install, LOCK_LIMIT, Mode, OptionResolver, Rendering, Sync, Uninstall};
pub use inventory::{Caching, Inventory, InventoryOutput};
pub use list::List;
pub use output::Output;
pub use own_commands::{OwnCommands, pasted};
pub use render::Render;
pub use sources::{Access, Context, Endpoint, Origin, Source, no_token, ssh_layout};
pub use view::{Viewing, Which};
pub use wait::{Patience, Wait};
