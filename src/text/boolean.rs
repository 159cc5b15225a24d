//! Booleans as variables say them.

use crate::name::Invalid;

/// Reads a boolean, in any case; an empty text says no, as one that is not there.
pub fn parse(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "no" => Ok(false),
        "1" | "true" | "yes" => Ok(true),
        _ => Err(Invalid::because("it must be 1, 0, true, false, yes, or no")),
    }
}
