//! The installed clusters, by the words that commands know them by.

use std::io::{BufRead, BufReader, Read};

use super::Word;
use crate::fs::open_regular;
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::state::{FileKind, Record};
use crate::name::Slug;

/// The commands that look for a cluster by its name among the installed ones first. The others ask
/// the API for it, which may know it by another one: two clusters may have the same.
const BY_STATE: [&str; 5] = ["sync", "uninstall", "show", "check", "wait"];
/// The part of a fragment's first line that is read while a person waits, in bytes.
const LINE_MAX: u64 = 1024;

/// An installed cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    record: Record,
    /// True if the API finds it by its name, too.
    is_own_name: bool,
}

impl Installed {
    /// The word for it that fits best to what is `typed`: its name, its alias, its short name or its
    /// id, so that a list shows each cluster once.
    pub(super) fn word(&self, command: &str, typed: &str) -> Word {
        let Record { id, name, options, .. } = &self.record;
        let (id, alias) = (id.as_str(), self.record.alias());
        let is_known = self.is_own_name || BY_STATE.contains(&command);
        let name = Some(name.as_str()).filter(|_| is_known);
        let short = options.short.as_ref().map(Slug::as_str);
        let mut words = [name, Some(alias.as_str()), short, Some(id)].into_iter().flatten();
        let first = words.clone().next();
        let text = words.find(|word| word.starts_with(typed)).or(first).unwrap_or(id);
        Word { text: text.to_owned(), meaning: format!("{alias}, cluster {id}") }
    }

    fn of(layout: &Layout, record: Record) -> Self {
        let path = layout.file(&record.stem().file(FileKind::Fragment));
        let mut title = String::new();
        if let Ok(Some(fragment)) = open_regular(&path) {
            // A fragment that was edited may say anything, or nothing.
            let _ = BufReader::new(fragment.take(LINE_MAX)).read_line(&mut title);
        }
        let own_name = title.strip_prefix("# ").and_then(|title| title.split_once(": "));
        let is_own_name =
            own_name.is_some_and(|(own, _)| own.to_lowercase() == *record.name.as_str());
        Self { record, is_own_name }
    }
}

/// The clusters that are installed, as far as they can be read.
#[must_use]
pub fn installed(layout: &Layout) -> Vec<Installed> {
    folder::records(layout).into_iter().map(|record| Installed::of(layout, record)).collect()
}
