//! SECURITY.md against the program: what `strace` sees each command do stands there, and what
//! stands there is done.

mod scenes;
mod special_files;
mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use trace::Trace;

use crate::readme::page;
use crate::readme::reader::Reader;
use crate::support::alone::alone;

/// A row of a table: what is done, and by which commands.
#[derive(Debug)]
struct Row {
    patterns: Vec<String>,
    commands: BTreeSet<String>,
    /// The third column, which is a mode in the first table.
    mode: String,
}

/// The rows of the table below a heading. In the first column everything between backticks is a
/// pattern, and the second names the commands; where it names none, any may be meant.
fn table(text: &str, heading: &str) -> Vec<Row> {
    let heading = format!("## {heading}");
    let (_, rest) = text.split_once(&heading).unwrap_or_else(|| panic!("no `{heading}`"));
    let section = rest.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter(|row| row.starts_with('`'))
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let commands = code(cells[1]).into_iter().collect();
            Row { patterns: code(cells[0]), commands, mode: cells[2].to_owned() }
        })
        .collect()
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether a text is what a pattern says: `<…>` stands for a part of a path, `…` for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some(at) = pattern.find(['<', '…']) else { return pattern == text };
    let (literal, rest) = pattern.split_at(at);
    let Some(text) = text.strip_prefix(literal) else { return false };
    let is_part = rest.starts_with('<');
    let end = if is_part { rest.find('>').unwrap() + 1 } else { '…'.len_utf8() };
    let longest = if is_part { text.find('/').unwrap_or(text.len()) } else { text.len() };
    (0..=longest).any(|at| text.is_char_boundary(at) && fits(&rest[end..], &text[at..]))
}

impl Row {
    fn is_by(&self, command: &str) -> bool {
        self.commands.is_empty() || self.commands.contains(command)
    }
}

/// What was done that no row has, and what a row says that was not done.
fn differences(
    rows: &[Row],
    traces: &BTreeMap<String, Trace>,
    of: impl Fn(&Trace) -> &BTreeSet<String>,
) -> Vec<String> {
    let mut told = Vec::new();
    let mut seen = BTreeSet::new();
    for (command, trace) in traces {
        for what in of(trace) {
            let fitting: Vec<_> = (0..rows.len())
                .filter(|&row| rows[row].is_by(command))
                .filter(|&row| rows[row].patterns.iter().any(|pattern| fits(pattern, what)))
                .collect();
            if fitting.is_empty() {
                told.push(format!("not in the table: `{what}` by `{command}`"));
            }
            for &row in &fitting {
                let (mode, wanted) = (trace.modes.get(what), &rows[row].mode);
                if wanted.starts_with('0') && mode.is_some_and(|mode| !wanted.contains(mode)) {
                    told.push(format!("`{what}` has mode {mode:?}, not {wanted}"));
                }
                seen.insert((row, command));
            }
        }
    }
    for (at, row) in rows.iter().enumerate() {
        let unseen = row.commands.iter().filter(|&command| !seen.contains(&(at, command)));
        told.extend(unseen.map(|command| format!("not seen: {:?} by `{command}`", row.patterns)));
        if !seen.iter().any(|(row, _)| *row == at) {
            told.push(format!("not seen: {:?}", row.patterns));
        }
    }
    told
}

#[test]
fn in_namespaces_each_command_does_what_the_tables_say() {
    needs!("namespaces", "sshd", "strace");
    let name = "security::in_namespaces_each_command_does_what_the_tables_say";
    alone(name, || {
        let mut reader = Reader::new();
        reader.has_read_the_quick_start();
        let traces = scenes::play(&mut reader);
        let text = page::read("SECURITY.md");
        let mut told = String::new();
        for (heading, of) in [
            ("Files written", (|trace| &trace.written) as fn(&Trace) -> &BTreeSet<String>),
            ("Files read", |trace| &trace.read),
            ("Programs started", |trace| &trace.started),
            ("Hosts contacted", |trace| &trace.connected),
        ] {
            for difference in differences(&table(&text, heading), &traces, of) {
                writeln!(told, "{heading}: {difference}").unwrap();
            }
        }
        assert!(told.is_empty(), "SECURITY.md and the program differ:\n{told}");
    });
}

/// Every variable that the program's code names, and no other, stands under `Environment`.
#[test]
fn every_variable_that_is_read_is_told() {
    let mut named = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut named);
    let text = page::read("SECURITY.md");
    let (_, section) = text.split_once("## Environment").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let told = code(section).into_iter().filter(|word| word.starts_with("PRIME_")).collect();
    assert_eq!(named, told);
}

/// The words like `PRIME_SSH_USER` in the texts of the code below a folder.
fn collect(folder: &Path, named: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, named);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("\n#[cfg(test)]").next().unwrap();
        let is_word = |c: char| c.is_ascii_uppercase() || c == '_';
        for (at, _) in text.match_indices("PRIME_") {
            let rest = &text[at..];
            let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            // A prefix that others are found by is no name.
            if !word.ends_with('_') {
                named.insert(word.to_owned());
            }
        }
    }
}
