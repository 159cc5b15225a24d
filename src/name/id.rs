//! Ids of clusters, nodes and machines.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::{Invalid, check_characters, check_length, checked_text};

checked_text! {
    /// The id of a cluster, a node or a machine (pod): `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
    Id, check_id
}

fn check_id(text: &str) -> Result<(), Invalid> {
    check_length(text, 64)?;
    check_characters(text, "an id", "-_", u8::is_ascii_alphanumeric)
}

/// So many characters of an id may stand for it, where no other id starts with them; a narrow table
/// shows no fewer.
pub const ID_START: usize = 8;

/// Returns whether `text` is as much of this id as may stand for it.
#[must_use]
pub fn is_start_of_id(text: &str, id: &str) -> bool {
    text.chars().count() >= ID_START && id.starts_with(text)
}
