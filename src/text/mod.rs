//! Text for people and shells: messages, sanitized and quoted text, times and durations.

pub mod boolean;
pub mod digest;
pub mod duration;
pub mod message;
pub mod sanitize;
pub mod serialized;
pub mod shell;
pub mod time;
