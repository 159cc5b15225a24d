//! What a program does to the machine, as `strace` sees it: files, programs and connections.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The calls to look at, as `strace -e` takes them.
pub const CALLS: &str = "trace=%file,%process,connect";

/// What a program and its children did.
#[derive(Debug, Default)]
pub struct Trace {
    /// Files and folders that the program itself read.
    pub read: BTreeSet<String>,
    /// What it made, changed or removed.
    pub written: BTreeSet<String>,
    /// The modes of what it has written and is still there, such as `0600`.
    pub modes: BTreeMap<String, String>,
    /// What it or a child of its started, each with its arguments.
    pub started: BTreeSet<String>,
    /// Where it connected to: `address:port`, or the path of a socket.
    pub connected: BTreeSet<String>,
}

/// The lines of one process.
type Lines = Vec<String>;

impl Trace {
    /// Reads what `strace -ff -y` left in a folder; `program` is the one that is looked at.
    pub fn of(folder: &Path, program: &str) -> Self {
        let mut processes = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let id: u32 = path.extension().unwrap().to_str().unwrap().parse().unwrap();
            let lines: Lines =
                fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
            processes.insert(id, lines);
        }
        let mut trace = Self::default();
        let first = *processes.keys().find(|&id| !is_child(&processes, *id)).expect("a process");
        trace.follow(&processes, first, "strace", program);
        for path in &trace.written {
            if let Ok(found) = fs::metadata(path) {
                trace.modes.insert(path.clone(), format!("{:04o}", found.mode() & 0o7777));
            }
        }
        trace
    }

    /// Adds what another run did, with its texts as they should be told.
    pub fn add(&mut self, other: Self, told: impl Fn(&str) -> String) {
        let Self { read, written, modes, started, connected } = other;
        self.read.extend(read.iter().map(|text| told(text)));
        self.written.extend(written.iter().map(|text| told(text)));
        self.modes.extend(modes.into_iter().map(|(path, mode)| (told(&path), mode)));
        self.started.extend(started.iter().map(|text| told(text)));
        self.connected.extend(connected.iter().map(|text| told(text)));
    }

    /// Adds what a process did, in which `runs` runs when it begins.
    fn follow(&mut self, all: &BTreeMap<u32, Lines>, id: u32, runs: &str, program: &str) {
        let mut runs = runs.to_owned();
        for line in all.get(&id).into_iter().flatten() {
            let Some(call) = Call::of(line) else { continue };
            if call.name == "execve" {
                if runs != "strace" {
                    self.started.insert(call.strings[1..].join(" "));
                }
                call.strings[0].rsplit('/').next().unwrap().clone_into(&mut runs);
            } else if let Some(child) = call.child() {
                self.follow(all, child, &runs, program);
            } else if runs == program {
                self.note(&call);
            }
        }
    }

    fn note(&mut self, call: &Call) {
        match call.name {
            "connect" => self.connected.extend(call.place()),
            "open" | "openat" if call.has(&["O_WRONLY", "O_RDWR", "O_CREAT"]) => {
                self.written.insert(call.path(0));
            }
            "open" | "openat" | "execveat" => {
                self.read.insert(call.path(0));
            }
            // The last one is the name that is new or changed.
            "rename" | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat" => {
                self.written.insert(call.path(call.strings.len() - 1));
            }
            "mkdir" | "mkdirat" | "rmdir" | "unlink" | "unlinkat" | "chmod" | "fchmodat"
            | "chown" | "lchown" | "fchownat" | "truncate" | "mknod" | "mknodat" => {
                self.written.insert(call.path(0));
            }
            _ => {}
        }
    }
}

/// Whether another process started this one.
fn is_child(all: &BTreeMap<u32, Lines>, id: u32) -> bool {
    let lines = all.values().flatten();
    lines.filter_map(|line| Call::of(line)).any(|call| call.child() == Some(id))
}

/// A call that succeeded; of a connection, one that was tried.
struct Call<'a> {
    name: &'a str,
    line: &'a str,
    /// Its arguments that are texts.
    strings: Vec<String>,
    result: &'a str,
}

impl<'a> Call<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (name, _) = line.split_once('(')?;
        let (_, result) = line.rsplit_once(") = ").or_else(|| line.rsplit_once(')'))?;
        let counts = name == "connect" || !result.trim_start().starts_with('-');
        counts.then(|| Self { name, line, strings: strings(line), result: result.trim() })
    }

    /// The process that it made.
    fn child(&self) -> Option<u32> {
        let makes = matches!(self.name, "clone" | "clone3" | "fork" | "vfork");
        makes.then(|| self.result.split([' ', '<']).next()?.parse().ok()).flatten()
    }

    fn has(&self, flags: &[&str]) -> bool {
        flags.iter().any(|flag| self.line.contains(flag))
    }

    /// An argument that is a path, from the root on.
    fn path(&self, at: usize) -> String {
        let path = &self.strings[at];
        if path.starts_with('/') {
            return path.clone();
        }
        let folder = self.line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let folder = folder.map_or("", |(folder, _)| folder);
        format!("{folder}/{path}").trim_end_matches('/').to_owned()
    }

    /// Where a connection leads.
    fn place(&self) -> Option<String> {
        if self.line.contains("AF_UNIX") {
            return Some(self.strings.last()?.clone());
        }
        let (_, port) = self.line.split_once("htons(")?;
        let (port, _) = port.split_once(')')?;
        Some(format!("{}:{port}", self.strings.last()?))
    }
}

/// The texts between quotes, as C writes them.
fn strings(line: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut bytes = line.bytes();
    while bytes.any(|byte| byte == b'"') {
        let mut text = Vec::new();
        while let Some(byte) = bytes.next().filter(|byte| *byte != b'"') {
            text.push(match byte {
                b'\\' => match bytes.next().unwrap() {
                    b'n' => b'\n',
                    other => other,
                },
                other => other,
            });
        }
        strings.push(String::from_utf8_lossy(&text).into_owned());
    }
    strings
}
