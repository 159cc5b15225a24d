//! What the shells complete: the program's answers, and what real shells make of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::api::Api;
use crate::support::cluster::{self, Cluster, Node};
use crate::support::process;
use crate::support::sandbox::Sandbox;

/// A home folder with installed clusters.
struct Shells {
    sandbox: Sandbox,
}

impl Shells {
    fn new() -> Self {
        Self { sandbox: Sandbox::new() }
    }

    fn with(clusters: &[Cluster]) -> Self {
        let shells = Self::new();
        for cluster in clusters {
            shells.install(cluster, &[]);
        }
        shells
    }

    fn install(&self, cluster: &Cluster, options: &[&str]) {
        let answer = self.sandbox.write(format!("{}.json", cluster.id()), cluster.answer());
        let install = self.sandbox.prime_ssh(["install", "--ssh-dir", ".ssh", "--input"]);
        install.arg(answer).args(options).run().succeeds();
    }

    /// The program's answer for the words of a line, the last of them at the cursor.
    fn answer(&self, words: &[&str]) -> String {
        let program = self.sandbox.prime_ssh(["completions", "bash", "--", "prime-ssh"]);
        program.args(words).run().succeeds()
    }

    /// The words of the answer, with single spaces between.
    fn words(&self, words: &[&str]) -> String {
        let answer = self.answer(words);
        let mut lines = answer.lines();
        assert_eq!(lines.next(), Some("words"), "{answer}");
        lines.map(|line| line.split('\t').next().unwrap()).collect::<Vec<_>>().join(" ")
    }

    /// A shell that finds the program as `prime-ssh`.
    fn shell(&self, arguments: &[&str]) -> Command {
        let (program, arguments) = arguments.split_first().unwrap();
        let build = Path::new(env!("CARGO_BIN_EXE_prime-ssh")).parent().unwrap().to_owned();
        let folders = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect::<Vec<_>>();
        let path = [build].into_iter().chain(folders).collect::<Vec<PathBuf>>();
        let mut command = process::command(program);
        command
            .args(arguments)
            .current_dir(self.sandbox.home())
            .env("HOME", self.sandbox.home())
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("TERM", "dumb");
        command
    }

    /// What an interactive shell makes of each line when Tab is pressed at its end.
    fn tab(&self, shell: &str, startup: &str, lines: &[&str]) -> Vec<String> {
        // Tab, then back to the start of the line, to print it in place of running it.
        let tab = |line: &&str| format!("{line}\t\u{1}echo '<'\u{5}'>'\n");
        let typed = format!("{startup}\n{}exit\n", lines.iter().map(tab).collect::<String>());
        let mut terminal = self.shell(&["script", "-qec", shell, "/dev/null"]);
        let shown = process::run(&mut terminal, typed.as_bytes()).stdout;
        let printed =
            shown.lines().filter_map(|l| l.trim_end().strip_prefix('<')?.strip_suffix('>'));
        printed.map(|line| line.trim_end().to_owned()).collect()
    }
}

#[test]
fn commands_options_and_values() {
    let shells = Shells::new();
    assert!(shells.words(&[""]).contains("install sync uninstall"), "{}", shells.words(&[""]));
    assert_eq!(shells.words(&["inventory", "--format", ""]), "yaml ini json");
    assert_eq!(
        shells.words(&["inventory", "--format=y"]),
        "--format=yaml --format=ini --format=json"
    );
    assert_eq!(
        shells.words(&["inventory", "--format", "=", "y"]),
        "yaml ini json",
        "as bash splits"
    );
    assert_eq!(shells.words(&["completions", ""]), "bash zsh fish");
    let options = shells.words(&["sync", "-"]);
    assert!(
        options.contains("--prune --if-older --dry-run") && options.contains("--ssh-dir"),
        "{options}"
    );
    assert_eq!(shells.words(&["config", "--no-such", "-"]), shells.words(&["config", "-"]));
    assert_eq!(shells.words(&["--context", "sync", "sync", "-"]), options, "a value is no command");
    for words in [&["config", "--user", ""][..], &["config", "--no-such=x"]] {
        assert!(!shells.words(words).contains("--"), "{words:?}");
    }
}

#[test]
fn paths_are_left_to_the_shell() {
    let shells = Shells::new();
    for (words, answer) in [
        (&["config", "-o", ""][..], "file\n"),
        (&["config", "--output=x"], "file\n"),
        (&["config", "-qo", "x"], "file\n"),
        (&["config", "--input", "a", "--known-hosts", "x"], "file\n"),
        (&["--ssh-dir", ""], "folder\n"),
        (&["sync", "--ssh-dir=", ""], "words\n"),
    ] {
        let given = shells.answer(words);
        assert!(given.starts_with(answer), "{words:?}: {given}");
    }
}

#[test]
fn installed_clusters_by_what_the_command_knows_them_by() {
    let shells = Shells::with(&[cluster::train()]);
    shells.install(
        &Cluster::new("clst02", "Llama 3 {run}").node(Node::control(
            "n0",
            "node-0",
            "203.0.113.20",
        )),
        &[],
    );
    for command in ["sync", "uninstall"] {
        assert_eq!(shells.words(&[command, ""]), "llama-3-run train");
        assert_eq!(shells.words(&[command, "prime."]), "prime.llama-3-run prime.train");
        assert_eq!(shells.words(&[command, "clst02"]), "clst02 train");
        assert_eq!(shells.words(&[command, "-q", "--", "-"]), "llama-3-run train");
    }
    for command in ["config", "inventory", "install", "cert"] {
        // The API knows no name but the cluster's own; an alias is looked up here.
        assert_eq!(shells.words(&[command, ""]), "prime.llama-3-run train");
        assert_eq!(shells.words(&[command, "prime."]), "prime.llama-3-run prime.train");
        assert_eq!(shells.words(&[command, "clst01", "cl"]), "clst02 clst01");
    }
    let of_name = shells.answer(&["sync", "t"]);
    assert!(of_name.contains("train\tprime.train, cluster clst01\n"), "{of_name}");
    shells.install(
        &Cluster::new("clst03", "other").node(Node::control("n0", "node-0", "203.0.113.20")),
        &["--as", "mine"],
    );
    assert_eq!(shells.words(&["config", ""]), "prime.llama-3-run prime.mine train");
    assert_eq!(shells.words(&["sync", ""]), "llama-3-run mine train");
}

#[test]
fn they_are_looked_for_where_the_line_or_the_variable_says() {
    let shells = Shells::with(&[cluster::train()]);
    shells.sandbox.write("empty/x", "");
    let home = shells.sandbox.path(".ssh");
    let home = home.to_str().unwrap();
    let is_found = |words: &[&str]| shells.words(words) == "train";
    assert!(is_found(&["--ssh-dir", "~/.ssh", "sync", ""]));
    assert!(is_found(&["sync", &format!("--ssh-dir={home}"), ""]));
    assert!(!is_found(&["sync", "--ssh-dir", "empty", ""]));
    assert!(!is_found(&["sync", "--ssh-dir", "/no\nsuch\"folder", ""]));
    let with_variable = |folder: &str| {
        let program =
            shells.sandbox.prime_ssh(["completions", "bash", "--", "prime-ssh", "sync", ""]);
        program.env("PRIME_SSH_DIR", folder).run().succeeds()
    };
    assert!(with_variable(home).contains("train\t") && !with_variable("empty").contains("train"));
}

#[test]
fn what_cannot_be_read_is_left_out_in_silence() {
    let shells = Shells::with(&[cluster::train()]);
    shells.sandbox.write(".ssh/prime-ssh/broken-12345678.json", "{");
    shells.sandbox.write(".ssh/prime-ssh/notes.json", "{}");
    let pipe = shells.sandbox.path(".ssh/prime-ssh/pipe-12345678.json");
    process::run(process::command("mkfifo").arg(pipe), b"").succeeds();
    let asked =
        shells.sandbox.prime_ssh(["completions", "fish", "--", "prime-ssh", "sync", ""]).run();
    assert_eq!(asked.stderr, "");
    assert_eq!(asked.succeeds(), "words\ntrain\tprime.train, cluster clst01\n");
    let nowhere = shells.sandbox.prime_ssh(["completions", "zsh", "--"]).run();
    assert_eq!(nowhere.stderr, "");
}

#[test]
fn nobody_is_asked_while_a_person_types() {
    let shells = Shells::with(&[cluster::train()]);
    let api = Api::serving([cluster::train()]).may_be_idle();
    for command in ["install", "config", "inventory", "cert", "sync", "uninstall"] {
        let words = ["completions", "bash", "--", "prime-ssh", command, ""];
        let answer = shells.sandbox.prime_ssh(words).asking(&api).run().succeeds();
        assert!(answer.contains("train\t"), "{command}: {answer}");
    }
    assert_eq!(api.requests().len(), 0);
}

/// Lines, and what they become; every shell shall agree.
const TABS: [(&str, &str); 10] = [
    ("prime-ssh un", "prime-ssh uninstall"),
    ("prime-ssh sync ", "prime-ssh sync train"),
    ("prime-ssh sync prime", "prime-ssh sync prime.train"),
    ("prime-ssh config prime", "prime-ssh config prime.train"),
    ("prime-ssh uninstall --ssh-dir=.ssh tr", "prime-ssh uninstall --ssh-dir=.ssh train"),
    ("prime-ssh sync --dry", "prime-ssh sync --dry-run"),
    ("prime-ssh inventory --format ya", "prime-ssh inventory --format yaml"),
    ("prime-ssh inventory --format=ya", "prime-ssh inventory --format=yaml"),
    ("prime-ssh config -o out/f", "prime-ssh config -o out/file"),
    ("prime-ssh config --output=out/f", "prime-ssh config --output=out/file"),
];

fn completes(shell: &str, startup: &str, tabs: &[(&str, &str)]) {
    let shells = Shells::with(&[cluster::train()]);
    shells.sandbox.write("out/file", "");
    let (lines, wanted): (Vec<_>, Vec<_>) = tabs.iter().copied().unzip();
    assert_eq!(shells.tab(shell, startup, &lines), wanted, "{shell}, {startup}");
}

#[test]
fn bash_completes() {
    needs!("script");
    let bash = "bash --norc --noprofile -i";
    completes(bash, "source <(prime-ssh completions bash)", &TABS);
    // Some people take the `=` out, and bash itself finds no path behind one then.
    let (_path, others) = TABS.split_last().unwrap();
    completes(bash, "COMP_WORDBREAKS=' '; source <(prime-ssh completions bash)", others);
}

#[test]
fn zsh_completes() {
    needs!("zsh", "script");
    let compinit = "bindkey -e; autoload -Uz compinit; compinit -u -D";
    completes("zsh -f -i", &format!("{compinit}; source <(prime-ssh completions zsh)"), &TABS);
    let as_file = "mkdir fpath; prime-ssh completions zsh >fpath/_prime-ssh; fpath=(fpath $fpath)";
    completes("zsh -f -i", &format!("{as_file}; {compinit}"), &TABS);
}

#[test]
fn fish_completes() {
    needs!("fish");
    let shells = Shells::with(&[cluster::train()]);
    shells.sandbox.write("out/file", "");
    for (line, wanted) in TABS {
        let command = format!("prime-ssh completions fish | source; complete -C '{line}'");
        let mut fish = shells.shell(&["fish", "--no-config", "-c", &command]);
        let offered = process::run(&mut fish, b"").succeeds();
        let last = wanted.rsplit(' ').next().unwrap();
        assert!(offered.lines().any(|l| l.split('\t').next() == Some(last)), "{line}: {offered}");
    }
}

#[test]
fn bash_is_given_words_that_it_does_not_run() {
    let shells = Shells::with(&[cluster::train()]);
    let script = "source <(prime-ssh completions bash); complete -p prime-ssh
        COMP_WORDS=(prime-ssh sync '$(touch ran)' '`touch ran`' tr); COMP_CWORD=4
        _prime_ssh prime-ssh tr '`touch ran`'; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = shells.shell(&["bash", "--norc", "--noprofile", "-c", script]);
    let printed = process::run(&mut bash, b"").succeeds();
    assert_eq!(printed, "complete -F _prime_ssh prime-ssh\ntrain\n");
    assert!(!shells.sandbox.path("ran").exists());
}
