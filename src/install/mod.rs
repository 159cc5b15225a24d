//! What this program keeps under the user's ssh folder.

pub mod claims;
mod directive;
pub mod include;
pub mod lock;
pub mod write;
