//! Which room may use which, as the page of the library says it.

use std::collections::{HashMap, HashSet};
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

/// The paths of one tree behind `use`: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap().trim().to_owned()];
    };
    let inner = &rest[..rest.rfind('}').unwrap()];
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inner[start..at].trim();
                let below = if part.is_empty() { Vec::new() } else { paths(part) };
                found.extend(below.into_iter().map(|path| format!("{}{path}", head.trim())));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// What the file of the module `here` imports, as paths from the crate's root.
fn imports(here: &[&str], text: &str) -> Vec<Vec<String>> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let is_statement = matches!(rest[..at].rsplit('\n').next().unwrap().trim(), "" | "pub")
            || rest[..at].ends_with(") ");
        rest = &rest[at + "use ".len()..];
        let tree = rest.split(';').next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        for path in if is_statement { paths(&tree) } else { Vec::new() } {
            let words: Vec<&str> = path.split("::").map(str::trim).collect();
            let up = words.iter().filter(|word| **word == "super").count();
            let base = if words[0] == "crate" { &[][..] } else { &here[..here.len() - up] };
            let below = words.iter().filter(|word| !["crate", "super", "self"].contains(word));
            found.push(base.iter().chain(below).map(|word| (*word).to_owned()).collect());
        }
    }
    found
}

/// A folder's `mod.rs` and its own files may know each other.
#[test]
fn no_files_import_each_other_in_a_circle() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: HashMap<String, String> = HashMap::new();
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap().with_extension("");
        let words = inside.iter().map(|word| word.to_str().unwrap());
        let module: Vec<&str> =
            words.filter(|word| !["mod", "lib", "main"].contains(word)).collect();
        files.insert(module.join("::"), fs::read_to_string(&path).unwrap());
    }
    let mut edges: HashMap<&str, Vec<&str>> = HashMap::new();
    for (module, text) in &files {
        let here: Vec<&str> = module.split("::").filter(|word| !word.is_empty()).collect();
        for mut path in imports(&here, text) {
            while !path.is_empty() && !files.contains_key(&path.join("::")) {
                path.pop();
            }
            let Some((other, _)) = files.get_key_value(&path.join("::")) else { continue };
            let is_inside = |a: &str, b: &str| a.starts_with(&format!("{b}::"));
            if !other.is_empty()
                && other != module
                && !is_inside(other, module)
                && !is_inside(module, other)
            {
                edges.entry(module).or_default().push(other);
            }
        }
    }
    assert!(edges.values().map(Vec::len).sum::<usize>() > 500, "{edges:?}");
    for start in edges.keys() {
        let (mut seen, mut open) = (HashSet::new(), edges[start].clone());
        while let Some(module) = open.pop() {
            if seen.insert(module) {
                open.extend(edges.get(module).into_iter().flatten());
            }
        }
        assert!(!seen.contains(start), "{start} is in a circle of imports");
    }
}
