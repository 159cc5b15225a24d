//! The Prime Intellect admin-clusters API: what it says (`wire`), how it is asked (`client`), and
//! why it did not answer (`error`).

pub mod address;
pub mod cache;
pub mod client;
pub mod error;
mod find;
pub mod list;
pub mod resolver;
mod retry;
mod server_text;
pub mod token;
mod transport;
pub mod wire;
