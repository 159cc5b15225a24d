//! The files of this program under the user's ssh folder.

#[cfg(test)]
mod any_config;
pub mod apply;
pub mod claims;
pub mod desired;
pub mod diff;
pub mod folder;
pub mod follow;
pub mod fragment;
pub mod include;
mod index;
pub mod jumps;
mod known_hosts;
pub mod layout;
pub mod live;
pub mod modes;
pub mod options;
pub mod plan;
pub mod present;
pub mod reader;
pub mod refresh;
pub mod state;
pub mod verify;
