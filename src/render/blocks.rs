//! From a template to a writer, a block at a time: a large text never stands in memory as a whole,
//! and the writer is not asked for every few characters.

use std::fmt;
use std::io;

use askama::Template;

/// Bytes of a block.
const BLOCK: usize = 64 * 1024;

/// Renders `template` to `to`.
///
/// # Errors
///
/// Where the writer fails; or where a value holds a control character, which the checked types
/// rule out.
pub(super) fn write(template: &impl Template, to: &mut dyn io::Write) -> io::Result<()> {
    let mut blocks = Blocks { block: String::with_capacity(BLOCK + BLOCK / 4), to, failed: None };
    let rendered = template.render_into(&mut blocks);
    if let Some(error) = blocks.failed {
        return Err(error);
    }
    rendered.map_err(io::Error::other)?;
    blocks.to.write_all(blocks.block.as_bytes())
}

struct Blocks<'w> {
    block: String,
    to: &'w mut dyn io::Write,
    failed: Option<io::Error>,
}

impl fmt::Write for Blocks<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.block.push_str(text);
        if self.block.len() >= BLOCK {
            if let Err(error) = self.to.write_all(self.block.as_bytes()) {
                self.failed = Some(error);
                return Err(fmt::Error);
            }
            self.block.clear();
        }
        Ok(())
    }
}
