//! `--output`: a file is there whole or not at all, and stays what it was where nothing changed.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::thread;

use crate::support::cluster::{self, Cluster, Node};
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Program, Sandbox};

/// A file that we wrote once, as it says.
const OLD: &str = "# 1 host. Written by prime-ssh; changes here are lost.\n";

/// A folder with a saved answer, and what it renders to.
struct Desk {
    sandbox: Sandbox,
    fragment: String,
}

impl Desk {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("answer.json", cluster::train().answer());
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

#[test]
fn a_new_file_is_for_its_owner_alone() {
    let desk = Desk::new();
    fs::create_dir(desk.sandbox.path("out")).unwrap();
    desk.write("out/fragment");
    assert_eq!(desk.sandbox.read("out/fragment"), desk.fragment);
    assert_eq!(desk.mode("out/fragment"), 0o600);
    desk.assert_holds("out", &["fragment"]);
}

#[test]
fn a_file_keeps_its_mode() {
    let desk = Desk::new();
    let path = desk.sandbox.write("fragment", OLD);
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    let before = desk.state("fragment");
    desk.write("fragment");
    assert_eq!(desk.sandbox.read("fragment"), desk.fragment);
    assert_eq!(desk.mode("fragment"), 0o644);
    assert_ne!(desk.state("fragment").0, before.0, "a reader has the old or the new file whole");
}

#[test]
fn a_link_stays_and_its_target_is_written() {
    let desk = Desk::new();
    desk.sandbox.write("dotfiles/fragment", OLD);
    fs::create_dir(desk.sandbox.path("links")).unwrap();
    symlink("../dotfiles/fragment", desk.sandbox.path("links/first")).unwrap();
    symlink("first", desk.sandbox.path("links/second")).unwrap();
    desk.write("links/second");
    assert_eq!(desk.sandbox.read("dotfiles/fragment"), desk.fragment);
    assert!(desk.sandbox.path("links/second").is_symlink());
    assert!(desk.sandbox.path("links/first").is_symlink());
    desk.assert_holds("dotfiles", &["fragment"]);
    desk.assert_holds("links", &["first", "second"]);
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_with_its_target() {
    let desk = Desk::new();
    fs::create_dir(desk.sandbox.path("dotfiles")).unwrap();
    symlink("dotfiles/fragment", desk.sandbox.path("link")).unwrap();
    let told = desk.program("link").run().fails(1);
    assert!(told.contains("dotfiles/fragment"), "{told}");
    assert!(desk.sandbox.path("link").is_symlink());
    desk.assert_holds("dotfiles", &[]);
}

#[test]
fn an_equal_file_is_not_touched() {
    let desk = Desk::new();
    desk.write("fragment");
    let before = desk.state("fragment");
    desk.write("fragment");
    assert_eq!(desk.state("fragment"), before);
}

#[test]
fn check_tells_and_writes_nothing() {
    let desk = Desk::new();
    desk.check("fragment").fails(10);
    assert!(!desk.sandbox.path("fragment").exists());
    desk.write("fragment");
    let before = desk.state("fragment");
    assert_eq!(desk.check("fragment").succeeds(), "");
    desk.sandbox.write(
        "answer.json",
        cluster::train().node(Node::worker("pod3", "node-3", "10.0.0.13")).answer(),
    );
    desk.check("fragment").fails(10);
    assert_eq!(desk.state("fragment"), before);
    assert_eq!(desk.sandbox.read("fragment"), desk.fragment);
    desk.sandbox.prime_ssh(["config", "--input", "answer.json", "--check"]).run().fails(2);
}

#[test]
fn what_is_no_file_is_written_through() {
    let desk = Desk::new();
    let ran = desk.program("/dev/stdout").run();
    assert_eq!(ran.succeeds(), desk.fragment);
    assert!(Path::new("/dev/stdout").is_symlink(), "it should be what it was");

    // As in `(echo before; prime-ssh … -o /dev/stdout) > collected`.
    let collected = desk.sandbox.write("collected", "before\n");
    let mut program = desk.program("/dev/stdout").into_command();
    let appending = fs::File::options().append(true).open(&collected).unwrap();
    assert!(program.stdout(appending).status().unwrap().success());
    assert_eq!(desk.sandbox.read("collected"), format!("before\n{}", desk.fragment));

    let pipe = desk.sandbox.path("pipe");
    process::run(process::command("mkfifo").arg(&pipe), b"").succeeds();
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            fs::File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
            text
        }
    });
    desk.write("pipe");
    assert_eq!(reader.join().unwrap(), desk.fragment);
    assert!(!fs::metadata(pipe).unwrap().is_file());
}

#[test]
fn a_folder_that_may_not_be_written_is_an_error_with_its_name() {
    let desk = Desk::new();
    let path = desk.sandbox.write("locked/fragment", OLD);
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o555)).unwrap();
    let told = desk.program("locked/fragment").without_root().run().fails(1);
    assert!(told.contains("locked") && told.contains("may not be written"), "{told}");
    assert_eq!(desk.sandbox.read("locked/fragment"), OLD);
    desk.assert_holds("locked", &["fragment"]);
}

#[test]
fn a_file_that_was_made_read_only_stays_as_it_is() {
    let desk = Desk::new();
    let path = desk.sandbox.write("out/fragment", OLD);
    fs::set_permissions(path, Permissions::from_mode(0o400)).unwrap();
    let told = desk.program("out/fragment").without_root().run().fails(1);
    assert!(told.contains("out/fragment") && told.contains("may only read"), "{told}");
    assert_eq!(desk.sandbox.read("out/fragment"), OLD);
    desk.assert_holds("out", &["fragment"]);
}

/// `ulimit -f` sends a signal that ends most programs.
#[test]
fn a_file_that_would_be_too_large_is_an_error() {
    let desk = Desk::new();
    let path = desk.sandbox.write("fragment", OLD);
    let program = env!("CARGO_BIN_EXE_prime-ssh");
    for to in ["-o fragment", "> new"] {
        let script = format!("ulimit -f 0; exec {program} config --input answer.json {to}");
        let mut bash = process::command("bash");
        bash.args(["-c", &script]).current_dir(desk.sandbox.home());
        let told = process::run(&mut bash, b"").fails(1);
        assert!(told.starts_with("error: cannot write"), "{told}");
    }
    assert_eq!(fs::read_to_string(path).unwrap(), OLD);
    desk.assert_holds("", &["answer.json", "fragment", "new"]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let desk = Desk::new();
    let told = desk.program("nowhere/fragment").run().fails(1);
    assert!(told.contains("nowhere"), "{told}");
    assert!(!desk.sandbox.path("nowhere").exists());
}

#[test]
fn a_refused_answer_leaves_the_file_alone() {
    let desk = Desk::new();
    desk.write("fragment");
    let before = desk.state("fragment");
    let hostile = Cluster::new("clst01", "train").node(Node::control("pod0", "node-0", "a\nb"));
    desk.sandbox.write("answer.json", hostile.answer());
    desk.program("fragment").run().fails(4);
    let empty = Cluster::new("clst01", "train").node(Node::new("pod0", "node-0"));
    desk.sandbox.write("answer.json", empty.answer());
    desk.program("fragment").run().fails(4);
    assert_eq!(desk.state("fragment"), before);
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
    for arguments in [&["config"][..], &["inventory"], &["inventory", "--format=json"]] {
        let rendered = {
            let _ = fs::remove_file(sandbox.path("file"));
            program(arguments).succeeds();
            sandbox.read("file")
        };
        for foreign in ["Host mine\n", "[web]\na\n", "{}", foreign_json, extended_json, "\0"] {
            sandbox.write("file", foreign);
            for more in [&[][..], &["--check"]] {
                let told = program(&[arguments, more].concat()).fails(1);
                let words = "error: file was not written by prime-ssh: not replaced\n\nhint: ";
                assert!(told.starts_with(words), "{told}");
                assert!(told.contains("`prime-ssh install`") && told.contains("--force"), "{told}");
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
    for (output, more) in [
        (".ssh/config", &[][..]),
        ("linked/config", &[]),
        (".ssh/../.ssh/config", &[]),
        ("keys/config", &elsewhere),
        (".ssh/config", &elsewhere),
    ] {
        sandbox.write(output, "Host mine\n");
        for check in [&[][..], &["--check"]] {
            let told = run(output, &[more, check].concat()).fails(1);
            assert!(told.contains("was not written by prime-ssh: not replaced"), "{told}");
            assert!(!told.contains("--force"), "{told}");
        }
        assert_eq!(sandbox.read(output), "Host mine\n");
        // A new file is fine, and so is one that stays as it is.
        fs::remove_file(sandbox.path(output)).unwrap();
        run(output, more).succeeds();
        run(output, more).succeeds();
        assert_eq!(sandbox.read(output), "3\n");
    }
    sandbox.write("keys/config", "Host mine\n");
    run("keys/config", &[]).succeeds();
    assert_eq!(sandbox.read("keys/config"), "3\n", "that folder is nothing to ssh");
}

/// What Linux itself keeps from happening with `open` (`protected_symlinks`) must not with a rename.
#[test]
fn what_another_user_put_into_a_folder_for_everybody_is_left_alone() {
    needs!("root");
    let desk = Desk::new();
    let shared = desk.sandbox.path("shared");
    let link = |target: &str, name: &str, owner| {
        symlink(desk.sandbox.path(target), shared.join(name)).unwrap();
        lchown(shared.join(name), Some(owner), Some(owner)).unwrap();
    };
    let stranger = 65534;
    fs::create_dir(&shared).unwrap();
    desk.sandbox.write("mine", OLD);
    desk.sandbox.write("keys/config", OLD);
    desk.sandbox.write("shared/file", OLD);
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
    for name in planted {
        let told = desk.program(&format!("shared/{name}")).run().fails(1);
        assert!(told.contains("another user put "), "{name}: {told}");
    }
    desk.sandbox.prime_ssh(["man", "--dir", "shared"]).run().fails(1);
    assert_eq!([desk.sandbox.read("mine"), desk.sandbox.read("shared/file")], [OLD, OLD]);
    assert_eq!(desk.sandbox.read("keys/config"), OLD);
    desk.assert_holds("keys", &["config"]);
    // Whoever may rename there may rename everything, where it is not sticky.
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
    desk.program("shared/folder/config").run().fails(1);

    // Theirs in a folder of mine is my affair, and mine is mine wherever it is.
    fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
    desk.write("shared/folder/config");
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    link("mine", "own", 0);
    desk.write("shared/own");
    desk.write("shared/theirs/new");
}
