//! What the tests are made with: a home folder, the API, sshd, ssh and networks.

#[macro_use]
pub mod programs;
#[macro_use]
pub mod snapshot;

pub mod alone;
pub mod ansible;
pub mod any_config;
pub mod api;
pub mod authority;
pub mod cluster;
pub mod fragment;
pub mod http;
pub mod mounts;
pub mod network;
pub mod process;
pub mod remedy;
pub mod sandbox;
pub mod ssh;
pub mod sshd;
pub mod user;
