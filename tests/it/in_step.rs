//! README, `--help`, manual pages and examples speak of the same commands, options, variables and
//! exit codes. The help is what the others are held to: it is made of what the program takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::sandbox::Sandbox;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Options of other programs that the texts name in passing.
const OF_OTHERS: [&str; 3] = ["--private-key", "--limit", "--mca"];
/// What a text says where any command may stand.
const PLACEHOLDERS: [&str; 2] = ["COMMAND", "…"];

/// What the help says: the program's own under the empty name.
struct Help {
    texts: BTreeMap<String, String>,
}

impl Help {
    fn of_the_program() -> Self {
        let help =
            |command: &[&str]| Sandbox::new().prime_ssh(command).arg("--help").run().succeeds();
        let top = help(&[]);
        let commands = listed(&top).map(|command| (command.to_owned(), help(&[command])));
        let texts = commands.collect::<BTreeMap<_, _>>();
        Self { texts: texts.into_iter().chain([(String::new(), top.clone())]).collect() }
    }

    fn commands(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str).filter(|command| !command.is_empty())
    }

    /// The long options of a command.
    fn options(&self, command: &str) -> BTreeSet<&str> {
        let lines = self.texts[command].lines().map(str::trim_start);
        let lines = lines.filter(|line| line.starts_with('-'));
        lines.filter_map(|line| long_options(line).next()).collect()
    }

    fn knows(&self, option: &str) -> bool {
        self.texts.keys().any(|command| self.options(command).contains(option))
    }
}

/// The commands of the program.
pub fn commands() -> Vec<String> {
    let top = Sandbox::new().prime_ssh(["--help"]).run().succeeds();
    listed(&top).map(str::to_owned).collect()
}

fn listed(top: &str) -> impl Iterator<Item = &str> {
    let lines = top.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("    "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help")
}

/// The words of a text that are long options.
fn long_options(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    text.split(move |c: char| !is_part(c))
        .filter(|word| word.starts_with("--") && word.len() > 2 && !word.starts_with("---"))
}

/// The words of a text that are variables of ours.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    let words = text.split(move |c: char| !is_part(c));
    words.filter(|word| word.starts_with("PRIME_") && !word.ends_with('_'))
}

/// The exit codes of a text, each with its meaning, from rows such as `| 1 | meaning |` or
/// `1   meaning`.
fn exit_codes(text: &str) -> Vec<(u8, String)> {
    let row = |line: &str| {
        let line = line.trim_matches(|c: char| c == '|' || c == ' ');
        let (code, meaning) = line.split_once(' ')?;
        let meaning = meaning.trim_matches(|c: char| c == '|' || c == ' ').replace('`', "");
        Some((code.parse().ok()?, meaning))
    };
    text.lines().filter_map(row).collect()
}

/// The code of a text in Markdown: fenced lines, continued ones in one, and spans. Comments of
/// shells are text.
fn code(markdown: &str) -> Vec<String> {
    let joined = markdown.replace("\\\n", " ");
    let (mut code, mut fenced) = (Vec::new(), false);
    for line in joined.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            code.push(line.split(" #").next().unwrap().to_owned());
        }
    }
    let prose: Vec<&str> = joined.split("```").step_by(2).collect();
    for part in prose {
        code.extend(part.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    code
}

/// What stands in a text and not in the help.
fn unknown(markdown: &str, help: &Help) -> Vec<String> {
    let mut unknown = Vec::new();
    for code in code(markdown) {
        for called in code.split("prime-ssh ").skip(1) {
            // What follows belongs to another command.
            let called = called.split(['|', '>', ';', '&', '"', '`', '(', ')']).next().unwrap();
            unknown.extend(unknown_in_call(called, help));
        }
        // Elsewhere a span that is an option is one of ours.
        if code.starts_with("--") {
            let foreign = |option: &&str| !help.knows(option) && !OF_OTHERS.contains(option);
            unknown.extend(long_options(&code).filter(foreign).map(str::to_owned));
        }
    }
    unknown
}

fn unknown_in_call(called: &str, help: &Help) -> Option<String> {
    let takes_value =
        ["--ssh-dir", "--context", "--api-url", "--token-file", "--timeout", "--color"];
    let mut words = called.split_whitespace().peekable();
    while let Some(option) = words.next_if(|word| word.starts_with('-')) {
        if takes_value.contains(&option) {
            words.next();
        }
    }
    let command = words.next().unwrap_or_default();
    if PLACEHOLDERS.contains(&command) {
        return None;
    }
    let Some(_) = help.texts.get(command) else { return Some(command.to_owned()) };
    let known = help.options(command);
    let strange = long_options(called).find(|option| !known.contains(option));
    strange.map(|option| format!("{command} {option}"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// Every text that people read, with what it is called.
fn texts() -> Vec<(String, String)> {
    let of_folder = |folder: &str| {
        let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let markdown = names.filter(|name| Path::new(name).extension() == Some("md".as_ref()));
        markdown.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    let names = of_folder(".").into_iter().chain(of_folder("docs"));
    let texts: Vec<_> = names.map(|name| (name.clone(), read(&name))).collect();
    assert!(texts.iter().any(|(name, _)| name == "./README.md") && texts.len() > 3);
    texts
}

#[test]
fn the_texts_name_no_command_and_no_option_that_is_not_there() {
    let help = Help::of_the_program();
    for (name, text) in texts() {
        assert_eq!(unknown(&text, &help), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_text_that_is_out_of_step_is_noticed() {
    let help = Help::of_the_program();
    let text = "`prime-ssh sync` and `--only control` are there.\n\n```sh\n\
        prime-ssh -q install train --prefix gpu   # a comment: prime-ssh or --else\n\
        cargo run --release && prime-ssh cert train \\\n  --ttl 2h | head --lines 1\n```\n";
    assert_eq!(unknown(text, &help), Vec::<String>::new());
    for (from, to, noticed) in [
        ("prime-ssh sync", "prime-ssh synk", "synk"),
        ("--only", "--onli", "--onli"),
        ("--prefix", "--prune", "install --prune"),
        ("-q install", "-q instal", "instal"),
        ("--ttl", "--till", "cert --till"),
    ] {
        assert_eq!(unknown(&text.replace(from, to), &help), [noticed], "{from}");
    }
    for (name, text) in texts().iter().filter(|(_, text)| text.contains("prime-ssh install")) {
        assert!(!unknown(&text.replace("prime-ssh ", "prime-ssh x"), &help).is_empty(), "{name}");
    }
}

#[test]
fn examples_name_no_command_and_no_option_that_is_not_there() {
    let help = Help::of_the_program();
    let mut folders = vec![Path::new(ROOT).join("examples")];
    let mut called = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(unknown(&text, &help), Vec::<String>::new(), "{}", path.display());
            let calls = text.lines().filter_map(|line| line.strip_prefix("exec prime-ssh "));
            for call in calls {
                called += 1;
                assert_eq!(unknown_in_call(call, &help), None, "{}", path.display());
            }
        }
    }
    assert!(called > 0, "{called}");
}

#[test]
fn each_option_of_the_help_is_on_its_manual_page() {
    let help = Help::of_the_program();
    let sandbox = Sandbox::new();
    for command in help.texts.keys() {
        let command = Some(command.as_str()).filter(|command| !command.is_empty());
        let page = sandbox.prime_ssh(["man"].into_iter().chain(command)).run().succeeds();
        let page = page.replace("\\-", "-");
        let told: BTreeSet<&str> = long_options(&page).collect();
        let options = help.options(command.unwrap_or_default());
        assert!(options.len() > 5 && options.contains("--help"), "{command:?}: {options:?}");
        assert_eq!(
            options.difference(&told).collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "{command:?}"
        );
    }
    let top = sandbox.prime_ssh(["man"]).run().succeeds().replace("\\-", "-");
    for command in help.commands() {
        assert!(top.contains(&format!("\nprime-ssh-{command}(1)\n")), "{command}: {top}");
        assert!(top.contains(&format!("\\fBprime-ssh-{command}\\fR(1)")), "{command}: {top}");
    }
}

#[test]
fn each_variable_is_in_the_help() {
    let help = Help::of_the_program();
    let told: BTreeSet<&str> = help.texts.values().flat_map(|text| variables(text)).collect();
    for (name, text) in texts() {
        let named: BTreeSet<&str> = variables(&text).collect();
        let untold: Vec<_> = named.difference(&told).collect();
        assert_eq!(untold, Vec::<&&str>::new(), "{name}");
    }
    assert!(told.contains("PRIME_API_KEY") && told.contains("PRIME_SSH_JUMP"), "{told:?}");
}

#[test]
fn exit_codes_mean_the_same_everywhere() {
    let help = Help::of_the_program();
    let told = exit_codes(help.texts[""].split_once("Exit codes:").unwrap().1);
    assert_eq!(told.first().unwrap(), &(0, "done".to_owned()));
    assert_eq!(told.last().unwrap(), &(10, "--check: something would change".to_owned()));
    for text in help.texts.values() {
        assert_eq!(exit_codes(text.split_once("Exit codes:").unwrap().1), told);
    }
    let readme = read("README.md");
    let section = readme.split_once("\n## Exit codes\n").unwrap().1;
    assert_eq!(exit_codes(section.split("\n## ").next().unwrap()), told);
}
