//! Every command of the README and of the pages beside it, typed by somebody who reads them from
//! the top, and every link.
//!
//! A `sh` or `console` block is run line by line; each line must succeed, unless a remark behind it
//! says `# exit code N`. What a `console` block shows must be what is printed. A remark on a line of
//! its own in a `console` block, or one between blocks that readers do not see, is something that
//! happens, and [`meanwhile`] makes it happen. Other blocks are `text`, and are not run.

mod image;
mod meanwhile;
pub mod page;
pub mod reader;
mod typing;

use std::collections::BTreeSet;
use std::path::Path;

use page::Step;
use reader::Reader;
use serde_json::Value;

use crate::support::alone::each_alone;
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::sandbox::Sandbox;

/// Does what a page says, from its top to its end, and tells of all that is not so.
fn read(page: &str) {
    let text = page::read(page);
    let steps: Vec<Step> = page::blocks(&text).iter().flat_map(page::Block::steps).collect();
    if steps.is_empty() {
        return;
    }
    let mut reader = Reader::new();
    if page != "README.md" {
        reader.has_read_the_quick_start();
    }
    let mut wrong = Vec::new();
    for step in steps {
        let (line, told) = match step {
            Step::Meanwhile { line, what } => (line, meanwhile::happens(&mut reader, &what)),
            Step::Command(command) => (command.line, tries(&mut reader, &command)),
        };
        if !told.is_empty() {
            wrong.push(format!("{page}:{line}: {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Types a command. What is not as the page says; empty where all is.
fn tries(reader: &mut Reader, command: &page::Command) -> String {
    let ran = typing::types(reader, &command.text);
    let (text, expected) = (&command.text, command.exit_code());
    let is_so = |shown: &Vec<String>| page::is_shown_by(shown, &ran.printed);
    if ran.code != expected {
        format!("{text}\nexit code {}, not {expected}:\n{}", ran.code, ran.printed)
    } else if !command.shown.as_ref().is_none_or(is_so) {
        format!("{text}\nprints another text:\n{}", ran.printed)
    } else {
        String::new()
    }
}

/// 2028-02-29 12:00:00 UTC, in Unix seconds.
const LEAP_DAY: u64 = 1_835_438_400;

#[test]
fn in_namespaces_every_page_works() {
    needs!("namespaces", "sshd", "ansible", "rsync", "tmux");
    each_alone("readme::in_namespaces_every_page_works", None, &page::all(), read);
}

/// Nothing on a page may age.
#[test]
fn in_namespaces_every_page_works_on_another_day() {
    needs!("namespaces", "sshd", "ansible", "rsync", "tmux", "faketime");
    let test = "readme::in_namespaces_every_page_works_on_another_day";
    each_alone(test, Some(LEAP_DAY), &page::all(), read);
}

/// Plain `cargo test` sees this much.
#[test]
fn every_block_is_of_a_known_kind_and_every_link_leads_somewhere() {
    for page in page::all() {
        let text = page::read(&page);
        for block in page::blocks(&text) {
            block.steps();
        }
        for target in links(&text) {
            leads_somewhere(&page, &target);
        }
    }
}

/// Who unpacks the crate finds what its pages link to: a link leads to a file in it, or to a folder.
#[test]
fn the_package_holds_what_its_pages_link_to() {
    let mut cargo = process::command(env!("CARGO"));
    cargo.args(["package", "--list", "--allow-dirty", "--offline"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        cargo.env("CARGO_HOME", home);
    }
    let listed = process::run(&mut cargo, b"").succeeds();
    let files: BTreeSet<&str> = listed.lines().collect();
    assert!(files.contains("README.md"), "{listed}");
    let is_page = |file: &&&str| Path::new(file).extension().is_some_and(|end| end == "md");
    for page in files.iter().filter(is_page) {
        for target in links(&page::read(page)) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.starts_with("https://") {
                continue;
            }
            let folder = Path::new(page).parent().unwrap();
            let path = match path.strip_prefix("../") {
                Some(path) => folder.parent().unwrap().join(path),
                None => folder.join(path),
            };
            let is_there = files.iter().any(|file| Path::new(file).starts_with(&path));
            assert!(is_there, "{page} links to {target}, which is not in the package");
        }
    }
}

/// The fields of each JSON report, as docs/output.md lists them outside of brackets.
#[test]
fn the_fields_of_each_report_are_told() {
    let sandbox = Sandbox::new();
    // Nobody answers there: what is not so is reported, too.
    let cluster =
        Cluster::new("clst01", "train").node(Node::control("a", "b", "127.0.0.1").port(1));
    let api = Api::serving([cluster]);
    let text = page::read("docs/output.md");
    let (_, section) = text.split_once("\n## JSON\n").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines();
    for row in rows.filter(|row| row.starts_with("| `")) {
        let (command, fields) = row.trim_matches(['|', ' ']).split_once(" | ").unwrap();
        let told: BTreeSet<_> = names(&without_brackets(fields)).collect();
        let [command] = names(command).collect::<Vec<_>>().try_into().unwrap();
        let mut words = vec![command.as_str(), "--format", "json"];
        words.extend(["train"].iter().filter(|_| !["list", "doctor"].contains(&&*command)));
        words.extend(["--within", "1s"].iter().filter(|_| command == "wait"));
        let ran = sandbox.prime_ssh(words).asking(&api).run();
        let report: Value = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
        let mut there: BTreeSet<_> = report.as_object().unwrap().keys().cloned().collect();
        assert!(there.remove("schema_version"));
        assert_eq!(told, there, "{command}");
    }
}

/// What stands between backticks.
fn names(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches("[]").to_owned())
}

fn without_brackets(text: &str) -> String {
    let mut depth = 0;
    let outside = |c: &char| {
        depth += i32::from(*c == '(');
        let is_outside = depth == 0;
        depth -= i32::from(*c == ')');
        is_outside
    };
    text.chars().filter(outside).collect()
}

/// Where the links of a page lead, outside of code.
fn links(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut targets = BTreeSet::new();
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let behind = line.split("](").skip(1).filter(|_| !is_code);
        targets.extend(behind.filter_map(|rest| rest.split(')').next()).map(str::to_owned));
    }
    targets
}

#[track_caller]
fn leads_somewhere(page: &str, target: &str) {
    if target.starts_with("https://") {
        return;
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(page).parent().unwrap();
    let path = if path.is_empty() { page.into() } else { folder.join(path) };
    assert!(root.join(&path).exists(), "{page}: no such file: {target}");
    if heading.is_empty() {
        return;
    }
    let text = page::read(path.to_str().unwrap());
    let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    assert!(headings.iter().any(|known| known == heading), "{page}: no such heading: {target}");
}

/// A heading as GitHub names it in links.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}
