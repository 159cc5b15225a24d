//! The Prime Intellect admin-clusters API: what it says (`wire`) and how it is asked (`client`).

pub mod client;
pub mod wire;
