//! Manual pages: what is on them, and what real formatters say about them.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::support::process;
use crate::support::sandbox::Sandbox;

/// A folder with all pages.
fn pages() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("man/man1")).unwrap();
    sandbox.prime_ssh(["man", "--dir", "man/man1"]).run().succeeds();
    sandbox
}

#[test]
fn each_command_has_a_page_that_everybody_may_read() {
    let sandbox = pages();
    let folder = sandbox.path("man/man1");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o644);
        names.push(entry.file_name().into_string().unwrap());
    }
    let commands = crate::in_step::commands();
    let wanted = commands.iter().map(|command| format!("prime-ssh-{command}.1"));
    let mut wanted: Vec<_> = wanted.chain(["prime-ssh.1".to_owned()]).collect();
    names.sort();
    wanted.sort();
    assert_eq!(names, wanted);
    let printed = sandbox.prime_ssh(["man", "sync"]).run().succeeds();
    assert_eq!(printed, sandbox.read("man/man1/prime-ssh-sync.1"));
    assert_eq!(sandbox.prime_ssh(["man"]).run().succeeds(), sandbox.read("man/man1/prime-ssh.1"));
}

#[test]
fn what_there_is_no_page_for() {
    let sandbox = Sandbox::new();
    snapshot!(sandbox.prime_ssh(["man", "sy\u{1b}nc"]).run().fails(2), @r"
    error: no such command: `sy\u{1b}nc`

    hint: see `prime-ssh --help` for the commands
    ");
    snapshot!(sandbox.prime_ssh(["man", "--dir", "nowhere"]).run().fails(1), @"error: cannot write nowhere/prime-ssh.1: its folder does not exist; create it first");
    sandbox.prime_ssh(["man", "--dir", ".", "sync"]).run().fails(2);
}

#[test]
fn formatters_have_nothing_to_say() {
    needs!("man", "groff", "mandoc");
    let sandbox = pages();
    for page in fs::read_dir(sandbox.path("man/man1")).unwrap() {
        let page = page.unwrap().path();
        let said = |program: &str, arguments: &[&str]| {
            let mut formatter = process::command(program);
            formatter.args(arguments).arg(&page).env("LC_ALL", "C.UTF-8");
            let ran = process::run(&mut formatter, b"");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            // A page without a date is the same whenever it is made; one break less is no loss.
            let minor = ["missing date", "skipping paragraph macro: br"];
            let is_minor = |line: &&str| minor.iter().any(|minor| line.contains(minor));
            said.lines().filter(|line| !is_minor(line)).collect::<String>()
        };
        for device in ["-Tutf8", "-Tascii", "-Tps"] {
            assert_eq!(said("groff", &["-ww", "-man", "-z", device]), "", "{}", page.display());
        }
        assert_eq!(said("mandoc", &["-Tlint", "-Wwarning"]), "", "{}", page.display());
    }
}

#[test]
fn man_shows_them_as_a_person_reads_them() {
    needs!("man", "groff", "mandoc");
    let sandbox = pages();
    let mut man = process::command("man");
    man.args(["--warnings", "prime-ssh", "install"]).env("LC_ALL", "C.UTF-8");
    man.env("MANPATH", sandbox.path("man")).env("MANWIDTH", "80").env("MANOPT", "--nj");
    let ran = process::run(&mut man, b"");
    assert_eq!(ran.stderr, "");
    let shown = ran.succeeds();
    for line in [
        "PRIME-SSH-INSTALL(1)",
        "       prime-ssh install [OPTIONS] [CLUSTER]...",
        "       --prefix <WORD>",
        "       Each cluster gets its own file in ~/.ssh/prime-ssh",
        "accept-new: Trust the first key",
        "       2      the command line, a variable, or a template is wrong",
        "Read the API token from this file",
        "PRIME_SSH_TOKEN_FILE",
        "prime-ssh install train --wait",
        "prime-ssh-sync(1)",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn on_a_terminal_the_page_opens_in_man() {
    needs!("man", "script");
    let sandbox = Sandbox::new();
    let typed = format!("{} man sync", env!("CARGO_BIN_EXE_prime-ssh"));
    let mut script = process::command("script");
    script.args(["-qec", &typed, "/dev/null"]).current_dir(sandbox.home());
    script.env("MANPAGER", "cat").env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
    let shown = process::run(&mut script, b"").stdout;
    assert!(shown.contains("PRIME-SSH-SYNC(1)") && !shown.contains(".TH"), "{shown}");
    // Without `man` it is printed.
    let mut script = process::command("/usr/bin/script");
    script.args(["-qec", &typed, "/dev/null"]).env("PATH", sandbox.home()).env("SHELL", "/bin/sh");
    let shown = process::run(&mut script, b"").stdout;
    assert!(shown.contains(".TH PRIME-SSH-SYNC"), "{shown}");
}
