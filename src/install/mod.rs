//! What this program keeps under the user's ssh folder.

pub mod write;
