//! What the doctor names can be pasted as it stands, whatever the home folder is called.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Report, User, chmod};
use crate::support::cluster;
use crate::support::sandbox::{Program, Sandbox};

/// Its sentences and commands hold the path of the home folder in quotes only; `words` are in one.
#[track_caller]
fn is_quoted(user: &User, words: &str, change: impl Fn(Program) -> Program) {
    let home = user.home().to_str().unwrap();
    let report = Report::read(change(user.program(["doctor", "--format=json"])).run());
    let table = change(user.program(["doctor"])).run();
    let texts = report
        .findings
        .iter()
        .flat_map(|finding| ["what", "advice", "command"].map(|f| &finding[f]));
    let texts: Vec<&str> = texts.filter_map(|text| text.as_str()).chain([&*table.stdout]).collect();
    assert!(texts.iter().any(|text| text.contains(words)), "no {words}: {texts:#?}");
    for text in texts {
        for (at, _) in text.match_indices(home) {
            assert!(text[..at].ends_with(['\'', '"']), "{words}: {text}");
        }
    }
}

#[test]
fn every_path_below_a_home_folder_with_a_space() {
    needs!("ssh", "sshd");
    let user = User::of(Sandbox::called("my home ").and_ssh_folder(), [cluster::train()]);
    let key = user.ssh_key("my key");
    user.write("ssh/config", "Host mine\n");
    let program = user.path("my bin/prime-ssh");
    crate::support::sandbox::copy_program(&program);
    let as_is = |program| program;
    is_quoted(&user, "no cluster is installed", as_is);
    let install = format!(
        "'{}' install train --live --ssh-dir ssh --identity-file '{}'",
        program.display(),
        key.display()
    );
    user.types(&install).succeeds();
    let config = user.read("ssh/config");
    let with =
        |lines: &str| fs::write(user.config(), format!("{lines}\nMatch all\n{config}")).unwrap();
    is_quoted(&user, "a plain ssh reads", as_is);
    is_quoted(&user, "which cannot be started", |p| p.env("SHELL", user.path("no shell")));
    let slow = user.script("slow shell", "#!/bin/sh\nsleep 0.4\nexec /bin/sh \"$@\"\n");
    is_quoted(&user, "-c true` does", |p| p.env("SHELL", &slow));
    is_quoted(&user, "(--token-file)", |p| {
        p.arg("--token-file").arg(user.path(".prime/config.json"))
    });
    is_quoted(&user, "cannot read", |p| p.arg("--token-file").arg(user.path("no token")));
    is_quoted(&user, "no context other", |p| p.args(["--context", "other"]));
    with("Host *\n  ForwardAgent yes\n  User other\n  ProxyJump x");
    is_quoted(&user, "gets your agent", as_is);
    with("Match exec \"sleep 20\"\n  User other");
    is_quoted(&user, "ssh does not answer in time", as_is);
    with("Bogus yes");
    is_quoted(&user, "ssh stops at your configuration", as_is);
    fs::write(user.config(), &config).unwrap();
    for path in [user.config(), user.ours(".conf"), key.clone(), user.ssh("")] {
        chmod(&path, 0o777);
        is_quoted(&user, "has mode 0777", as_is);
        chmod(&path, 0o700);
    }
    chmod(&program, 0o777);
    is_quoted(&user, "with a program that others can change", as_is);
    chmod(&program, 0o700);
    chmod(&user.ours(".conf"), 0o644);
    is_quoted(&user, "others can read", as_is);
    for file in
        [key.with_extension("pub"), key, program, user.ours(".known_hosts"), user.ours(".conf")]
    {
        fs::remove_file(&file).unwrap();
        is_quoted(&user, "", as_is);
    }
    user.write("ssh/prime-ssh/train-675b1ff5.conf.0123abcd.bak", "x");
    fs::write(user.ours(".json"), "{").unwrap();
    is_quoted(&user, "a copy that was kept", as_is);
    fs::remove_dir_all(user.ssh("prime-ssh")).unwrap();
    symlink(user.path("no folder"), user.ssh("prime-ssh")).unwrap();
    is_quoted(&user, "a link, not a folder", as_is);
    fs::remove_file(user.config()).unwrap();
    for target in ["no file", "config"] {
        symlink(user.ssh(target), user.config()).unwrap();
        is_quoted(&user, if target == "config" { "loop" } else { "does not exist" }, as_is);
        fs::remove_file(user.config()).unwrap();
    }
    for (settings, words) in [
        (&b"{"[..], "is damaged at line 1"),
        (b"\xff", "is damaged at line 1"),
        (b"{\"base_url\": \"x\"}", "`base_url`"),
    ] {
        user.write(".prime/config.json", settings);
        is_quoted(&user, words, as_is);
    }
}

/// ssh can include nothing below it, so that nothing is installed there.
#[test]
fn every_path_below_a_home_folder_with_a_quote() {
    needs!("ssh");
    let user = User::of(Sandbox::called("it's mine ").and_ssh_folder(), []);
    is_quoted(&user, "no cluster is installed", |p| p);
    is_quoted(&user, "(--token-file)", |p| {
        p.arg("--token-file").arg(user.path(".prime/config.json"))
    });
    is_quoted(&user, "cannot read", |p| p.arg("--token-file").arg(user.path("no token")));
    chmod(&user.write("ssh/config", "Host mine\n"), 0o666);
    is_quoted(&user, "has mode 0666", |p| p);
    user.is_cured("permissions", "wrong", "has mode 0666");
    symlink(Path::new("/nowhere"), user.ssh("prime-ssh")).unwrap();
    is_quoted(&user, "a link, not a folder", |p| p);
}
