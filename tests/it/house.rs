//! Which room may use which, as the page of the library says it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let each = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    each.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// The rooms that a line names, each as `` [`room`] ``.
fn named(line: &str) -> Vec<&str> {
    line.split("[`").skip(1).filter_map(|rest| rest.split_once('`')).map(|(room, _)| room).collect()
}

/// What follows `crate::` in the lines that the program is made of.
fn used(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut used = Vec::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(list) => used.extend(list.split(", ").map(word)),
                None => used.push(word(rest)),
            }
        }
    }
    used
}

#[test]
fn rooms_use_only_what_is_below_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = fs::read_to_string(src.join("lib.rs")).unwrap();
    let mut floors: HashMap<&str, usize> = HashMap::new();
    let mut floor = 0;
    for line in library.lines().skip_while(|line| !line.starts_with("//! - ")) {
        floor += usize::from(line.starts_with("//! - "));
        for room in named(line) {
            assert_eq!(floors.insert(room, floor), None, "{room} stands there twice");
        }
    }
    let rooms: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(rooms.iter().all(|room| floors.contains_key(room)), "{rooms:?} {floors:?}");
    assert_eq!(rooms.len(), floors.len());

    let mut wrong = Vec::new();
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let Some(own) = floors.get(room.trim_end_matches(".rs")) else { continue };
        for used in used(&fs::read_to_string(&path).unwrap()) {
            if floors.get(used.as_str()).is_some_and(|other| other > own) {
                wrong.push(format!("{} uses {used}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Else the environment of who runs the tests would reach the program.
#[test]
fn tests_start_programs_in_one_place() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for path in sources(&tests) {
        let place = path.strip_prefix(&tests).unwrap();
        let there = ["support/process.rs", "support/programs.rs", "house.rs"].map(Path::new);
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let itself = lines.find(|line| line.contains("Command::new(") && !line.contains("clap"));
        assert!(itself.is_none() || there.contains(&place), "{}: {itself:?}", place.display());
    }
}
