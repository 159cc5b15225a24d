//! The files of this program under the user's ssh folder.
//!
//! - Places: `layout` names each file, `folder` reads them all into what is `present`, and cleans up.
//! - What is saved: `state` of a cluster with its `options`, and of the subscription; `refresh` for
//!   the last try of each.
//! - Reading as ssh does: `reader`; with it `include` finds our line in the user's configuration,
//!   `claims` the names that are defined there, and `jumps` the loops; `permissions` knows the files
//!   that it stops at.
//! - Texts: `fragment` understands a cluster's file, and `index`, `live` and `known_hosts` make the
//!   others.
//! - The steps of a change: what is `desired`, `plan` (pure; `diff` shows it), `verify`
//!   (ssh is asked), `apply`.

pub mod apply;
pub mod claims;
pub mod desired;
pub mod diff;
pub mod folder;
pub mod fragment;
pub mod include;
mod index;
pub mod jumps;
mod known_hosts;
pub mod layout;
pub mod live;
pub mod options;
pub mod permissions;
pub mod plan;
pub mod present;
pub mod reader;
pub mod refresh;
pub mod state;
pub mod verify;
