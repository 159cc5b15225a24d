//! The installed clusters, by the words that commands know them by.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};

use super::Word;
use crate::fs::open_own;
use crate::install::layout::Layout;
use crate::install::state::{FileKind, FileStem, Record};

/// The commands that look for a cluster among the installed ones first. The others ask the API
/// unless they are given an alias.
const BY_STATE: [&str; 5] = ["sync", "uninstall", "show", "check", "wait"];
/// What a file of ours may hold to be read while a person waits, in bytes.
const STATE_MAX: u64 = 64 * 1024;
/// The same for the first line of a fragment.
const LINE_MAX: u64 = 1024;

/// An installed cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    id: String,
    name: String,
    alias: String,
    /// Whether the API finds it by that name, too.
    is_own_name: bool,
}

impl Installed {
    /// The word for it that fits best to what is `typed`: its name, its alias or its id, so that a
    /// list shows each cluster once.
    pub(super) fn word(&self, command: &str, typed: &str) -> Word {
        let by_state = BY_STATE.contains(&command);
        let name = Some(&self.name).filter(|_| by_state || self.is_own_name);
        let alias = Some(&self.alias).filter(|_| by_state);
        let mut words = name.into_iter().chain(alias).chain([&self.id]);
        let first = words.clone().next();
        let text = words.find(|word| word.starts_with(typed)).or(first).unwrap_or(&self.id);
        Word { text: text.clone(), meaning: format!("{}, cluster {}", self.alias, self.id) }
    }
}

/// The clusters that are installed, as far as they can be read.
#[must_use]
pub fn installed(layout: &Layout) -> Vec<Installed> {
    let entries = fs::read_dir(layout.folder()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut stems: Vec<FileStem> = names
        .filter_map(|name| FileStem::of_file(&name))
        .filter(|(_, part)| *part == FileKind::State)
        .map(|(stem, _)| stem)
        .collect();
    stems.sort();
    stems.iter().filter_map(|stem| read(layout, stem)).collect()
}

fn read(layout: &Layout, stem: &FileStem) -> Option<Installed> {
    let mut text = Vec::new();
    open(layout, stem, FileKind::State)?.take(STATE_MAX).read_to_end(&mut text).ok()?;
    let record = Record::from_json(&text).ok()?;
    let mut title = String::new();
    if let Some(fragment) = open(layout, stem, FileKind::Fragment) {
        // A fragment that was edited may say anything, or nothing.
        let _ = BufReader::new(fragment.take(LINE_MAX)).read_line(&mut title);
    }
    let own_name = title.strip_prefix("# ").and_then(|title| title.split_once(": "));
    let is_own_name = own_name.is_some_and(|(own, _)| own.to_lowercase() == record.name.as_str());
    let (id, alias) = (record.id.to_string(), record.alias());
    Some(Installed { id, name: record.name.to_string(), alias, is_own_name })
}

fn open(layout: &Layout, stem: &FileStem, part: FileKind) -> Option<File> {
    open_own(&layout.file(&stem.file(part))).ok()?
}
