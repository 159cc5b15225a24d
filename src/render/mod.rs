//! From fleets to text: one file an output. Templates see checked values only.

pub mod certificates;
pub mod control_char_guard;
pub mod data;
pub mod export;
pub mod inventory;
pub mod login;
pub mod ownership;
mod sockets;
pub mod ssh_config;
pub mod ssh_option;
pub mod template;

use std::io::{self, BufWriter, Write};

use askama::Template;

/// Bytes that are written at once: a large text never stands in memory as a whole.
const BLOCK: usize = 64 * 1024;

/// Renders `template` to `to`.
///
/// # Errors
///
/// Where the writer fails; or where a value holds a control character, which the checked types
/// rule out.
fn write(template: &impl Template, to: &mut dyn Write) -> io::Result<()> {
    let mut blocks = BufWriter::with_capacity(BLOCK, to);
    Template::write_into(template, &mut blocks)?;
    blocks.flush()
}
