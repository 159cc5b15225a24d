//! Text for people and shells: sanitized, quoted, and times and durations as people say them.

pub mod digest;
pub mod duration;
pub mod sanitize;
pub mod shell;
pub mod time;
