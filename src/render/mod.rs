//! From fleets to text: one file an output. Templates see checked values only.

pub mod connection;
pub mod control_char_guard;
pub mod data;
pub mod export;
pub mod inventory;
pub mod ownership;
mod sockets;
pub mod ssh_config;
pub mod ssh_option;
pub mod template;
