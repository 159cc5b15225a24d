//! Child processes that cannot outlive their test, nor run forever.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Uid, User};

/// No command of a test takes longer than this, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(3);

/// What a finished command left behind.
#[derive(Debug)]
pub struct Ran {
    pub command: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    /// Its stdout; a failure fails the test.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.status.success(), "should have succeeded: {self:#?}");
        self.stdout
    }

    /// Its stderr; anything but this exit code fails the test.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self.stderr
    }
}

/// What it said: stdout, then stderr, then its exit code where that is not 0.
impl Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stdout)?;
        if !self.stdout.is_empty() && !self.stderr.is_empty() {
            f.write_str("[stderr]\n")?;
        }
        f.write_str(&self.stderr)?;
        match self.status.code() {
            Some(0) => Ok(()),
            Some(code) => writeln!(f, "[exit {code}]"),
            None => writeln!(f, "[{}]", self.status),
        }
    }
}

/// Runs a command to its end with `stdin` as its input.
#[track_caller]
pub fn run(command: &mut Command, stdin: &[u8]) -> Ran {
    let started = Instant::now();
    let shown = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command);
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // A program that ends without reading its input is no failure of the test.
    let feeder = thread::spawn(move || drop(input.write_all(&stdin)));
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let ran = to_its_end(child, shown, started, stdout, stderr);
    feeder.join().unwrap();
    ran
}

/// Runs a command to its end with a terminal of so many columns as its stdout. The line ends that
/// a terminal makes of its own are `\n` again.
#[track_caller]
pub fn run_on_terminal(command: &mut Command, columns: u16) -> Ran {
    let started = Instant::now();
    let shown = format!("{command:?}");
    let (slave, stdout) = terminal(columns);
    command.stdin(Stdio::null()).stdout(slave).stderr(Stdio::piped());
    let mut child = spawn(command);
    // The command holds our end of the terminal, which would never end while that is open.
    command.stdout(Stdio::null());
    let stderr = collect(child.stderr.take().unwrap());
    to_its_end(child, shown, started, stdout, stderr)
}

/// The same with the terminal as its stderr, and nobody who reads its stdout.
#[track_caller]
pub fn talk_on_terminal(command: &mut Command, columns: u16) -> String {
    let (slave, stderr) = terminal(columns);
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(slave));
    command.stderr(Stdio::null());
    wait(&mut child, LIMIT).expect("it ends in time");
    stderr.join().unwrap()
}

/// A terminal of so many columns, and who reads what is written to it.
fn terminal(columns: u16) -> (Stdio, thread::JoinHandle<String>) {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    let mut master = File::from(terminal.master);
    let written = thread::spawn(move || {
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        // Once nobody has the other end any more, Linux says EIO.
        while let Ok(count) = master.read(&mut piece) {
            bytes.extend_from_slice(&piece[..count]);
            if count == 0 {
                break;
            }
        }
        String::from_utf8(bytes).expect("what a program prints is UTF-8").replace("\r\n", "\n")
    });
    (terminal.slave.into(), written)
}

/// Starts a command. A program that was just written may still be open in a child that another test
/// has forked and that has not yet begun its own program: then the system calls it busy for a moment.
#[track_caller]
pub fn spawn(command: &mut Command) -> Child {
    let started = Instant::now();
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                assert!(started.elapsed() < LIMIT, "{command:?}: {error}");
                thread::sleep(POLL);
            }
            child => return child.unwrap_or_else(|error| panic!("{command:?}: {error}")),
        }
    }
}

/// Waits for a command that was started, and for those who collect what it says.
#[track_caller]
fn to_its_end(
    mut child: Child,
    command: String,
    started: Instant,
    stdout: thread::JoinHandle<String>,
    stderr: thread::JoinHandle<String>,
) -> Ran {
    let status =
        wait(&mut child, LIMIT).unwrap_or_else(|| panic!("took over {LIMIT:?}: {command}"));
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Ran { command, status, stdout, stderr, took: started.elapsed() }
}

/// Waits for a child to end by itself; kills it when it does not.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(POLL);
    }
    stop(child);
    None
}

/// Waits until `done` says so; a test that waits in vain fails.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LIMIT, "waited in vain: {what}");
        thread::sleep(POLL);
    }
}

/// The command lines of all processes that this is a part of.
pub fn running(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    // One that has ended since it was listed says nothing.
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(mark)).collect()
}

/// A child that runs beside the test and is ended with its drop.
#[derive(Debug)]
pub struct Background(Child);

impl Background {
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        Self(spawn(command.stdin(Stdio::null()).stdout(Stdio::null())))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
}

fn stop(child: &mut Child) {
    // It may have ended by itself, which is as good.
    let _ = child.kill();
    let _ = child.wait();
}

/// A command, not yet run, that knows nothing of who runs the tests.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    clean(&mut command);
    command
}

/// Takes the environment of who runs the tests from a command, and gives it the one of the tests.
pub fn clean(command: &mut Command) -> &mut Command {
    isolate();
    command.env_clear().env("LC_ALL", "C.UTF-8").env("PATH", path()).env("HOME", own_home());
    // `faketime` is no caller's habit: under it the tests see another day, and so must all else.
    if std::env::var("LD_PRELOAD").is_ok_and(|library| library.contains("faketime")) {
        let of_faketime = |name: &str| name == "LD_PRELOAD" || name.contains("FAKE");
        command.envs(std::env::vars().filter(|(name, _)| of_faketime(name)));
    }
    command
}

/// The folders of programs. Debian keeps some where only root looks.
pub fn path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// The home folder of the password database, whatever `$HOME` says.
pub fn own_home() -> PathBuf {
    User::from_uid(Uid::current()).unwrap().expect("a user").dir
}

/// Frees this process from what its caller set and no variable holds.
pub fn isolate() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        umask(Mode::from_bits_truncate(0o022));
        tempfile::env::override_temp_dir(Path::new("/tmp")).unwrap();
    });
}

/// A command that the kernel kills together with the test that started it, even when that is killed.
pub fn tied(program: &str) -> Command {
    let mut command = command("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("what a program prints is UTF-8")
    })
}

/// The same command with the usual actions of all signals, for the tests may run under `nohup` or in
/// the background of a script, which ignore some.
pub fn with_usual_signals(command: &Command) -> Command {
    let mut usual = self::command("env");
    usual.arg("--default-signal").arg(command.get_program()).args(command.get_args());
    usual.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        usual.current_dir(folder);
    }
    usual
}
