//! `--output`: a file is there whole or not at all, and stays what it was where nothing changed.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::thread;

use crate::support::cluster::{self, Cluster, Node};
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::snapshot::Transcript;

/// A file that we wrote once, as it says.
const OLD: &str = "# 1 host. Written by prime-ssh; changes here are lost.\n";

/// A home folder with a saved answer, and what that renders to.
struct Output {
    sandbox: Sandbox,
    fragment: String,
}

impl Output {
    fn new() -> Self {
        let sandbox = Sandbox::with_answer(&cluster::train());
        let fragment = sandbox.prime_ssh(["config", "--input", "answer.json"]).run().succeeds();
        Self { sandbox, fragment }
    }

    fn program(&self, output: &str) -> Program {
        self.sandbox.prime_ssh(["config", "--input", "answer.json", "-o", output])
    }

    #[track_caller]
    fn write(&self, output: &str) {
        assert_eq!(self.program(output).run().succeeds(), "");
    }

    fn check(&self, output: &str) -> Ran {
        self.program(output).arg("--check").run()
    }

    fn mode(&self, file: &str) -> u32 {
        fs::metadata(self.sandbox.path(file)).unwrap().mode() & 0o7777
    }

    /// What tells one file from another, and from its own later self.
    fn state(&self, file: &str) -> (u64, i64, i64, i64, i64) {
        let data = fs::metadata(self.sandbox.path(file)).unwrap();
        (data.ino(), data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec())
    }

    /// Nothing of a write is left lying about.
    #[track_caller]
    fn assert_holds(&self, folder: &str, names: &[&str]) {
        let mut found: Vec<_> = fs::read_dir(self.sandbox.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, names);
    }
}

/// Elsewhere `-` is stdin, so it is easily typed for stdout.
#[test]
fn a_dash_is_no_file() {
    let output = Output::new();
    for arguments in [&[][..], &["--check"]] {
        let told = output.program("-").args(arguments).run().fails(2);
        assert!(told.contains("leave out `-o` to write to stdout"), "{told}");
    }
    assert!(!output.sandbox.path("-").exists());
    output.write("./-");
}

/// It is the name that is wrong, and nothing need be moved.
#[test]
fn a_folder_is_no_file() {
    let output = Output::new();
    fs::create_dir(output.sandbox.path("out")).unwrap();
    for arguments in [&[][..], &["--check"]] {
        let told = output.program("out").args(arguments).run().fails(1);
        snapshot!(told, @"error: cannot write out: it is a folder, not a file; give another path");
    }
}

#[test]
fn a_new_file_is_for_its_owner_alone() {
    let output = Output::new();
    fs::create_dir(output.sandbox.path("out")).unwrap();
    output.write("out/fragment");
    assert_eq!(output.sandbox.read("out/fragment"), output.fragment);
    assert_eq!(output.mode("out/fragment"), 0o600);
    output.assert_holds("out", &["fragment"]);
}

#[test]
fn a_file_keeps_its_mode() {
    let output = Output::new();
    let path = output.sandbox.write("fragment", OLD);
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    let before = output.state("fragment");
    output.write("fragment");
    assert_eq!(output.sandbox.read("fragment"), output.fragment);
    assert_eq!(output.mode("fragment"), 0o644);
    assert_ne!(output.state("fragment").0, before.0, "a reader has the old or the new file whole");
}

#[test]
fn a_link_stays_and_its_target_is_written() {
    let output = Output::new();
    output.sandbox.write("dotfiles/fragment", OLD);
    fs::create_dir(output.sandbox.path("links")).unwrap();
    symlink("../dotfiles/fragment", output.sandbox.path("links/first")).unwrap();
    symlink("first", output.sandbox.path("links/second")).unwrap();
    output.write("links/second");
    assert_eq!(output.sandbox.read("dotfiles/fragment"), output.fragment);
    assert!(output.sandbox.path("links/second").is_symlink());
    assert!(output.sandbox.path("links/first").is_symlink());
    output.assert_holds("dotfiles", &["fragment"]);
    output.assert_holds("links", &["first", "second"]);
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_with_its_target() {
    let output = Output::new();
    fs::create_dir(output.sandbox.path("dotfiles")).unwrap();
    symlink("dotfiles/fragment", output.sandbox.path("link")).unwrap();
    snapshot!(output.program("link").run().fails(1), @"error: cannot write link: it is a link to dotfiles/fragment, which does not exist; create that file, or remove the link");
    assert!(output.sandbox.path("link").is_symlink());
    output.assert_holds("dotfiles", &[]);
}

#[test]
fn an_equal_file_is_not_touched() {
    let output = Output::new();
    output.write("fragment");
    let before = output.state("fragment");
    output.write("fragment");
    assert_eq!(output.state("fragment"), before);
}

#[test]
fn check_tells_and_writes_nothing() {
    let output = Output::new();
    output.check("fragment").fails(10);
    assert!(!output.sandbox.path("fragment").exists());
    output.write("fragment");
    let before = output.state("fragment");
    assert_eq!(output.check("fragment").succeeds(), "");
    output.sandbox.write(
        "answer.json",
        cluster::train().node(Node::worker("pod3", "node-3", "10.0.0.13")).answer(),
    );
    output.check("fragment").fails(10);
    assert_eq!(output.state("fragment"), before);
    assert_eq!(output.sandbox.read("fragment"), output.fragment);
    output.sandbox.prime_ssh(["config", "--input", "answer.json", "--check"]).run().fails(2);
}

#[test]
fn what_is_no_file_is_written_through() {
    let output = Output::new();
    let ran = output.program("/dev/stdout").run();
    assert_eq!(ran.succeeds(), output.fragment);
    assert!(Path::new("/dev/stdout").is_symlink(), "it should be what it was");

    // As in `(echo before; prime-ssh … -o /dev/stdout) > collected`.
    let collected = output.sandbox.write("collected", "before\n");
    let mut program = output.program("/dev/stdout").into_command();
    let appending = fs::File::options().append(true).open(&collected).unwrap();
    assert!(program.stdout(appending).status().unwrap().success());
    assert_eq!(output.sandbox.read("collected"), format!("before\n{}", output.fragment));

    let pipe = output.sandbox.path("pipe");
    process::run(process::command("mkfifo").arg(&pipe), b"").succeeds();
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            fs::File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
            text
        }
    });
    output.write("pipe");
    assert_eq!(reader.join().unwrap(), output.fragment);
    assert!(!fs::metadata(pipe).unwrap().is_file());
}

#[test]
fn a_folder_that_may_not_be_written_is_an_error_with_its_name() {
    let output = Output::new();
    let path = output.sandbox.write("locked/fragment", OLD);
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o555)).unwrap();
    snapshot!(output.program("locked/fragment").without_root().run().fails(1), @"error: cannot write locked/fragment: permission denied: you cannot write to its folder; see `ls -ld` of the folder");
    assert_eq!(output.sandbox.read("locked/fragment"), OLD);
    output.assert_holds("locked", &["fragment"]);
}

#[test]
fn a_file_that_was_made_read_only_stays_as_it_is() {
    let output = Output::new();
    let path = output.sandbox.write("out/fragment", OLD);
    fs::set_permissions(path, Permissions::from_mode(0o400)).unwrap();
    snapshot!(output.program("out/fragment").without_root().run().fails(1), @"error: cannot write out/fragment: permission denied: you can only read it; see `ls -l`");
    assert_eq!(output.sandbox.read("out/fragment"), OLD);
    output.assert_holds("out", &["fragment"]);
}

/// `ulimit -f` sends a signal that ends most programs.
#[test]
fn a_file_that_would_be_too_large_is_an_error() {
    let output = Output::new();
    let path = output.sandbox.write("fragment", OLD);
    let program = env!("CARGO_BIN_EXE_prime-ssh");
    let mut told = Transcript::default();
    for to in ["-o fragment", "> new"] {
        let script = format!("ulimit -f 0; exec {program} config --input answer.json {to}");
        let mut bash = process::command("bash");
        bash.args(["-c", &script]).current_dir(output.sandbox.home());
        told.add(to, process::run(&mut bash, b"").fails(1));
    }
    snapshot!(told, @"
    --- -o fragment
    error: cannot write fragment: it would be larger than `ulimit -f` allows

    --- > new
    error: cannot write to stdout: File too large (os error 27)
    ");
    assert_eq!(fs::read_to_string(path).unwrap(), OLD);
    output.assert_holds("", &["answer.json", "fragment", "new"]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let output = Output::new();
    snapshot!(output.program("nowhere/fragment").run().fails(1), @"error: cannot write nowhere/fragment: its folder does not exist; create it first");
    assert!(!output.sandbox.path("nowhere").exists());
}

#[test]
fn a_refused_answer_leaves_the_file_alone() {
    let output = Output::new();
    output.write("fragment");
    let before = output.state("fragment");
    let hostile = Cluster::new("clst01", "train").node(Node::control("pod0", "node-0", "a\nb"));
    output.sandbox.write("answer.json", hostile.answer());
    output.program("fragment").run().fails(4);
    let empty = Cluster::new("clst01", "train").node(Node::new("pod0", "node-0"));
    output.sandbox.write("answer.json", empty.answer());
    output.program("fragment").run().fails(4);
    assert_eq!(output.state("fragment"), before);
}

#[test]
fn only_what_we_wrote_is_replaced_unasked() {
    let sandbox = Sandbox::new();
    let answer = sandbox.write("answer.json", cluster::train().answer());
    let program = |arguments: &[&str]| {
        let (command, rest) = arguments.split_first().unwrap();
        sandbox.prime_ssh([command, "--input"]).arg(&answer).args(["-o", "file"]).args(rest).run()
    };
    let foreign_json = r#"{"all": {"children": {"web": {"hosts": {"a": null}}}}}"#;
    let extended_json = r#"{"all": {"children": {}}, "mine": 1}"#;
    let mut refusals = BTreeSet::new();
    for arguments in [&["config"][..], &["inventory"], &["inventory", "--format=json"]] {
        let rendered = {
            let _ = fs::remove_file(sandbox.path("file"));
            program(arguments).succeeds();
            sandbox.read("file")
        };
        for foreign in ["Host mine\n", "[web]\na\n", "{}", foreign_json, extended_json, "\0"] {
            sandbox.write("file", foreign);
            for more in [&[][..], &["--check"]] {
                refusals.insert(program(&[arguments, more].concat()).fails(1));
                assert_eq!(sandbox.read("file"), foreign);
            }
            program(&[arguments, &["--force"]].concat()).succeeds();
            assert_eq!(sandbox.read("file"), rendered);
        }
        for ours in ["", " \n", OLD, &format!("# mine\n{OLD}"), &rendered] {
            sandbox.write("file", ours);
            program(arguments).succeeds();
            assert_eq!(sandbox.read("file"), rendered);
        }
        // Ours is known by its shape, whatever else is in it.
        program(&[arguments, &["--only", "prime.train.node-1"]].concat());
        program(arguments).succeeds();
        assert_eq!(sandbox.read("file"), rendered);
    }
    let refusals = Vec::from_iter(refusals).join("--- or ---\n");
    snapshot!(refusals, @"
    error: file was not written by prime-ssh: not replaced

    hint: to add hosts to your ssh config, run `prime-ssh install`; to replace this file anyway, add --force
    ");
}

/// What has no marker overwrites as any tool does, but for the files of ssh.
#[test]
fn no_file_of_ssh_is_overwritten_by_any_command() {
    let sandbox = Sandbox::new();
    let answer = sandbox.write("answer.json", cluster::train().answer());
    sandbox.write("template", "{{ hosts | length }}\n");
    let run = |output: &str, more: &[&str]| {
        let program = sandbox.prime_ssh(["render", "--template", "template", "--input"]);
        program.arg(&answer).args(["-o", output]).args(more).run()
    };
    fs::create_dir(sandbox.path(".ssh")).unwrap();
    fs::create_dir(sandbox.path("keys")).unwrap();
    symlink(".ssh", sandbox.path("linked")).unwrap();
    let elsewhere = ["--ssh-dir", "keys"];
    let mut told = Transcript::default();
    for (output, more) in [
        (".ssh/config", &[][..]),
        ("linked/config", &[]),
        (".ssh/../.ssh/config", &[]),
        ("keys/config", &elsewhere),
        (".ssh/config", &elsewhere),
    ] {
        sandbox.write(output, "Host mine\n");
        for check in [&[][..], &["--check"]] {
            told.add(output, run(output, &[more, check].concat()).fails(1));
        }
        assert_eq!(sandbox.read(output), "Host mine\n");
        // A new file is fine, and so is one that stays as it is.
        fs::remove_file(sandbox.path(output)).unwrap();
        run(output, more).succeeds();
        run(output, more).succeeds();
        assert_eq!(sandbox.read(output), "3\n");
    }
    snapshot!(told);
    sandbox.write("keys/config", "Host mine\n");
    run("keys/config", &[]).succeeds();
    assert_eq!(sandbox.read("keys/config"), "3\n", "that folder is nothing to ssh");
}

/// What Linux itself keeps from happening with `open` (`protected_symlinks`) must not with a rename.
#[test]
fn what_another_user_put_into_a_folder_for_everybody_is_left_alone() {
    needs!("root");
    let output = Output::new();
    let shared = output.sandbox.path("shared");
    let link = |target: &str, name: &str, owner| {
        symlink(output.sandbox.path(target), shared.join(name)).unwrap();
        lchown(shared.join(name), Some(owner), Some(owner)).unwrap();
    };
    let stranger = 65534;
    fs::create_dir(&shared).unwrap();
    output.sandbox.write("mine", OLD);
    output.sandbox.write("keys/config", OLD);
    output.sandbox.write("shared/file", OLD);
    lchown(shared.join("file"), Some(stranger), Some(stranger)).unwrap();
    link("mine", "link", stranger);
    link("mine", "prime-ssh.1", stranger);
    link("keys", "folder", stranger);
    fs::create_dir(shared.join("theirs")).unwrap();
    lchown(shared.join("theirs"), Some(stranger), Some(stranger)).unwrap();
    link("keys", "theirs/folder", stranger);
    link("shared/folder", "by-way-of-mine", 0);

    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    let planted = [
        "link",
        "file",
        "folder/config",
        "folder/new",
        "theirs/folder/config",
        "by-way-of-mine/new",
    ];
    let mut told = Transcript::default();
    for name in planted {
        told.add(name, output.program(&format!("shared/{name}")).run().fails(1));
    }
    snapshot!(told);
    output.sandbox.prime_ssh(["man", "--dir", "shared"]).run().fails(1);
    assert_eq!([output.sandbox.read("mine"), output.sandbox.read("shared/file")], [OLD, OLD]);
    assert_eq!(output.sandbox.read("keys/config"), OLD);
    output.assert_holds("keys", &["config"]);
    // Whoever may rename there may rename everything, where it is not sticky.
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
    output.program("shared/folder/config").run().fails(1);

    // Theirs in a folder of mine is my affair, and mine is mine wherever it is.
    fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
    output.write("shared/folder/config");
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    link("mine", "own", 0);
    output.write("shared/own");
    output.write("shared/theirs/new");
}
