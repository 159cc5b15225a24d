//! The user's configuration in the order in which ssh reads it, from file to file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::directive::directives;
pub use super::directive::{Criterion, Directive, criteria, matches, matches_list};
use super::include::IncludeResolver;

/// As deep as ssh itself follows `Include` lines.
const DEPTH_MAX: usize = 16;

/// Every file that an `Include` path with its wildcards leads to, with its contents.
pub type ReadMatching<'r> = dyn FnMut(&Path) -> Vec<(PathBuf, Vec<u8>)> + 'r;

/// One line, and for whom it counts.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The file that it stands in.
    pub file: &'a Path,
    /// What it says.
    pub directive: &'a Directive<'a>,
    /// The blocks that it belongs to, all of which must fit: those of the `Include` lines that led
    /// here, and its own. A `Host` or `Match` line belongs to none of its own file.
    pub blocks: &'a [Block],
    /// Whether it includes our index.
    pub includes_us: bool,
}

/// The first line of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whether it is a `Match`, and not a `Host`.
    pub is_match: bool,
    /// What follows the keyword.
    pub arguments: Vec<String>,
}

impl Block {
    /// Whether it applies to every host: `Match all`, or `Host *` without a negated pattern.
    #[must_use]
    pub fn is_for_every_host(&self) -> bool {
        if self.is_match {
            return matches!(self.arguments.as_slice(), [only] if only.eq_ignore_ascii_case("all"));
        }
        self.arguments.iter().any(|pattern| pattern == "*")
            && !self.arguments.iter().any(|pattern| pattern.starts_with('!'))
    }
}

/// Calls `visit` for each line of `config` and of what it includes, our own files aside. What it
/// returns for an `Include` says whether to follow it; no file is read twice.
pub fn walk(
    config: (&Path, &[u8]),
    include_resolver: &IncludeResolver,
    read: &mut ReadMatching<'_>,
    visit: &mut dyn FnMut(&Line<'_>) -> bool,
) {
    let seen = HashSet::from([config.0.to_owned()]);
    Walk { include_resolver, read, visit, seen }.file(config.0, config.1, &mut Vec::new(), 0);
}

struct Walk<'w, 'r> {
    include_resolver: &'w IncludeResolver,
    read: &'w mut ReadMatching<'r>,
    visit: &'w mut dyn FnMut(&Line<'_>) -> bool,
    seen: HashSet<PathBuf>,
}

impl Walk<'_, '_> {
    fn file(&mut self, file: &Path, text: &[u8], blocks: &mut Vec<Block>, depth: usize) {
        let outer = blocks.len();
        for directive in directives(text) {
            if directive.starts_block() {
                blocks.truncate(outer);
            }
            let is_include = &*directive.keyword == b"include";
            let arguments = if is_include { directive.arguments() } else { Vec::new() };
            let includes_us =
                arguments.iter().any(|argument| self.include_resolver.leads_to_index(argument));
            let line = Line { file, directive: &directive, blocks, includes_us };
            let follow = (self.visit)(&line);
            if directive.starts_block() {
                blocks.push(Block {
                    is_match: &*directive.keyword == b"match",
                    arguments: directive.texts(),
                });
            }
            if follow && depth < DEPTH_MAX {
                let paths = arguments.iter().filter_map(|a| self.include_resolver.resolve(a));
                for path in paths.collect::<Vec<_>>() {
                    self.included(&path, blocks, depth);
                }
            }
        }
        blocks.truncate(outer);
    }

    fn included(&mut self, path: &Path, blocks: &mut Vec<Block>, depth: usize) {
        for (file, text) in (self.read)(path) {
            if self.seen.insert(file.clone()) {
                self.file(&file, &text, blocks, depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `file:line keyword [blocks]`; the include of us with a `!`.
    fn walked(files: &[(&str, &str)]) -> Vec<String> {
        let include_resolver =
            IncludeResolver { home: "/h".into(), index: vec!["/h/.ssh/prime-ssh/config".into()] };
        let mut read = |path: &Path| {
            let matching = files.iter().filter(|(name, _)| Path::new(name) == path);
            matching.map(|(name, text)| (name.into(), text.as_bytes().to_owned())).collect()
        };
        let mut lines = Vec::new();
        let (name, text) = files[0];
        walk((Path::new(name), text.as_bytes()), &include_resolver, &mut read, &mut |line| {
            let blocks: Vec<_> =
                line.blocks.iter().map(|block| block.arguments.join(" ")).collect();
            let keyword = String::from_utf8_lossy(&line.directive.keyword).into_owned();
            let mark = if line.includes_us { "!" } else { "" };
            lines.push(format!(
                "{}:{} {keyword}{mark} [{}]",
                line.file.display(),
                line.directive.line,
                blocks.join(", ")
            ));
            true
        });
        lines
    }

    #[test]
    fn lines_come_in_the_order_of_ssh_with_the_blocks_that_they_belong_to() {
        let found = walked(&[
            (
                "/c",
                "User a\nInclude prime-ssh/config\nHost b\n  Include /d\n  Port 1\nMatch all\n User c",
            ),
            ("/d", "User d\nHost e f\n  User g"),
        ]);
        let expected = [
            "/c:1 user []",
            "/c:2 include! []",
            "/c:3 host []",
            "/c:4 include [b]",
            "/d:1 user [b]",
            "/d:2 host [b]",
            "/d:3 user [b, e f]",
            "/c:5 port [b]",
            "/c:6 match []",
            "/c:7 user [all]",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn includes_that_go_in_circles_end() {
        assert_eq!(walked(&[("/c", "Include /c /d\n"), ("/d", "Include /c /d\n")]).len(), 2);
    }
}
