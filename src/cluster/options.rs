//! The options of a fleet, as they are typed, saved, and applied.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::jump::{BastionArg, JumpHost, JumpMode};
use super::selection::Selection;
use crate::name::{Slug, UserName};
use crate::text::serialized;

/// The hosts, their names, and the way to them: the same for every command that renders.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Options {
    /// The hosts to select.
    #[command(flatten)]
    #[serde(flatten)]
    pub selection: Selection,
    /// The first word of every host alias [default: prime]
    #[arg(long, value_name = "WORD", env = "PRIME_SSH_PREFIX")]
    #[arg(help_heading = "Connection options")]
    pub prefix: Option<Slug<'static>>,
    /// Log in as this user instead of the API's
    #[arg(long, value_name = "NAME", env = "PRIME_SSH_USER", help_heading = "Connection options")]
    pub user: Option<UserName<'static>>,
    /// Which workers to reach through the control node [default: auto]
    #[arg(long, value_name = "WHICH", env = "PRIME_SSH_JUMP")]
    #[arg(help_heading = "Connection options")]
    pub jump: Option<JumpMode>,
    /// Reach them through this host: an address, or a name from your own ssh config
    #[arg(long, value_name = "[USER@]HOST[:PORT]", env = "PRIME_SSH_JUMP_VIA")]
    #[arg(help_heading = "Connection options")]
    #[serde(with = "serialized::optional")]
    pub jump_via: Option<JumpHost>,
    /// Reach everything through this host, the control node too: an address, or a name of your own
    /// ssh config; `none` for none
    #[arg(long, value_name = "[USER@]HOST[:PORT]", env = "PRIME_SSH_BASTION")]
    #[arg(help_heading = "Connection options")]
    #[serde(with = "serialized::optional")]
    pub bastion: Option<BastionArg>,
}

impl Options {
    /// The first word of every alias.
    #[must_use]
    pub fn prefix(&self) -> Slug<'static> {
        self.prefix.clone().unwrap_or_else(Slug::prime)
    }

    /// The workers that jump.
    pub(super) fn jump_mode(&self) -> JumpMode {
        self.jump.unwrap_or_default()
    }

    /// The host that leads to whatever would be reached directly.
    pub(super) fn bastion(&self) -> Option<&JumpHost> {
        self.bastion.as_ref()?.0.as_ref()
    }
}
