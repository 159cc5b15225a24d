//! What the reader types, and what they do while a command waits for them.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::reader::{Ran, Reader};
use crate::support::process;
use crate::support::sshd::Sshd;

/// Types a command, and stays with it until it ends.
#[track_caller]
pub fn types(reader: &mut Reader, command: &str) -> Ran {
    let words: Vec<_> = command.split_whitespace().collect();
    match words.as_slice() {
        // A shell on the node: it must be the control node's.
        ["ssh", "prime.train", ..] if words.len() == 2 || words[2] == "#" => {
            let ran = reader.run(command, "echo this is $PRIME_NODE\n");
            assert!(ran.printed.contains("this is node-0\n"), "{command}: {}", ran.printed);
            ran
        }
        // This very run is a part of it.
        ["bash", script @ ("tests/run" | "benches/run")] => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
            reader.run(&format!("bash -n '{}'", script.display()), "")
        }
        ["ssh", "-L", "6006:localhost:6006", ..] => a_port_is_forwarded(reader, command),
        ["ssh", "-t", _, "tmux", ..] => a_session_is_kept(reader, command),
        _ => reader.run(command, ""),
    }
}

/// Something on the node answers at the reader's own port 6006: an sshd, for what it says first is
/// known.
fn a_port_is_forwarded(reader: &mut Reader, command: &str) -> Ran {
    let board = Sshd::of(&reader.sandbox, "board")
        .at("127.0.0.1")
        .port(6006)
        .inside(&reader.network)
        .start();
    let answer = || {
        let mut stream = std::net::TcpStream::connect("127.0.0.1:6006").ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut first = [0; 4];
        stream.read_exact(&mut first).ok().filter(|()| &first == b"SSH-")
    };
    let ran = meanwhile(reader.shell(command), || answer().is_some());
    drop(board);
    ran
}

/// The session is there while it is looked at, and after it was left, too.
fn a_session_is_kept(reader: &mut Reader, command: &str) -> Ran {
    let mut terminal = process::command("script");
    let shell = reader.shell(command);
    let arguments: Vec<_> = shell.get_args().map(|a| a.to_str().unwrap().to_owned()).collect();
    let quoted = arguments.iter().map(|a| format!("'{}'", a.replace('\'', r"'\''")));
    let line = format!("setpriv {}", quoted.collect::<Vec<_>>().join(" "));
    terminal.args(["-qfec", &line, "/dev/null"]).env("SHELL", "/bin/bash");
    let there = || reader.run("ssh prime.train tmux has-session -t main", "").code == 0;
    let ran = meanwhile(terminal, there);
    process::until("`exit` to end it", || !there());
    ran
}

/// Runs a command until something is so, and then leaves it with `exit`.
#[track_caller]
fn meanwhile(mut command: Command, mut is_so: impl FnMut() -> bool) -> Ran {
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    process::until("what a command is for", || {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "{command:?} ended at once: {ended:?}");
        std::thread::sleep(Duration::from_millis(100));
        is_so()
    });
    child.stdin.as_mut().unwrap().write_all(b"exit\n").unwrap();
    let status = process::wait(&mut child, Duration::from_secs(10)).expect("it ends with `exit`");
    Ran { code: status.code().unwrap_or(-1), printed: String::new() }
}
