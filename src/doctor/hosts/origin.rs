//! The line of the user's own configuration that wins over ours.

use std::path::PathBuf;

use super::compare::Deviation;
use crate::doctor::snapshot::Snapshot;
use crate::install::claims::is_about;
use crate::install::fragment::Options;
use crate::install::reader::{Block, Line};

/// A line of the user's configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) file: PathBuf,
    /// Counted from 1.
    pub(super) line: usize,
    /// True if its block names our hosts, so it is meant for them.
    pub(super) is_about_us: bool,
}

/// Looks for the line that applies to a name.
pub(super) struct Search<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) alias: &'a str,
    /// ssh's answer.
    pub(super) actual: &'a Options,
}

impl Search<'_> {
    /// The line that makes a deviation: one that is read before our files, or, where those say nothing,
    /// wherever it is.
    pub(super) fn origin_of(&self, deviation: &Deviation) -> Option<Origin> {
        let Deviation { is_addition, keyword, actual, .. } = deviation;
        let (mut found, mut ours) = (None, false);
        self.snapshot.visit_config(&mut |line| {
            ours |= !is_addition && line.includes_us && self.applies(line.blocks) == Some(true);
            !ours && self.visit(line, keyword, actual, &mut found)
        });
        if *is_addition && found.is_none() {
            let visit = &mut |line: &Line<'_>| self.visit(line, keyword, actual, &mut found);
            self.snapshot.visit_system_config(visit);
        }
        found
    }

    /// Looks at one line, and returns whether to follow an `Include`. What is found: the first line
    /// that applies, or that has the actual value in a block of which only ssh knows.
    fn visit(
        &self,
        line: &Line<'_>,
        keyword: &str,
        value: &str,
        found: &mut Option<Origin>,
    ) -> bool {
        let applies = self.applies(line.blocks);
        if applies == Some(false) {
            return false;
        }
        if found.is_some() || !line.directive.keyword.eq_ignore_ascii_case(keyword.as_bytes()) {
            return true;
        }
        let says = line.directive.texts().join(" ").to_ascii_lowercase();
        let is_it = applies == Some(true)
            || !says.is_empty() && value.to_ascii_lowercase().ends_with(&says);
        *found = is_it.then(|| Origin {
            file: line.file.to_owned(),
            line: line.directive.line,
            is_about_us: line.blocks.iter().any(|block| self.is_about_us(block)),
        });
        true
    }

    /// Returns whether all these blocks apply to our name; `None` where only ssh knows.
    fn applies(&self, blocks: &[Block]) -> Option<bool> {
        let each: Vec<_> = blocks.iter().map(|block| self.fits(block)).collect();
        match (each.contains(&Some(false)), each.contains(&None)) {
            (true, _) => Some(false),
            (false, unknown) => (!unknown).then_some(true),
        }
    }

    fn fits(&self, block: &Block) -> Option<bool> {
        let name = self.actual.get("hostname").and_then(|names| names.first());
        let name = name.map(String::as_str).unwrap_or_default();
        // Which of the two it is depends on whether `HostName` has been read.
        let [by_alias, by_name] =
            [self.alias, name].map(|host| block.applies(self.alias, host, self.alias, None));
        by_alias.filter(|_| by_alias == by_name)
    }

    fn is_about_us(&self, block: &Block) -> bool {
        let mut patterns = block.host_patterns().into_iter();
        patterns.any(|pattern| pattern == self.alias || is_about(pattern, self.alias))
    }
}

/// The first line by which the user's configuration runs a command.
pub(super) fn first_command(snapshot: &Snapshot) -> Option<(PathBuf, usize)> {
    let mut first = None;
    snapshot.visit_config(&mut |line| {
        if first.is_none() && line.starts.is_some_and(|block| !block.commands().is_empty()) {
            first = Some((line.file.to_owned(), line.directive.line));
        }
        true
    });
    first
}
