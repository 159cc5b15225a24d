//! From a decision to files: lock, plan, show or check, ask ssh, put in place, tell.

use std::fmt;
use std::time::Duration;

use super::loops;
use super::summary::{self, Line};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fs::{FileError, Lock, LockError};
use crate::install::apply::{ApplyError, Stage};
use crate::install::include::Found;
use crate::install::layout::{INDEX, LOCK, Layout};
use crate::install::plan::{Desired, Note, Plan, Present, plan};
use crate::install::verify::{self, Verdict, VerifyError};
use crate::install::{diff, folder};
use crate::settings::Mode;
use crate::terminal::{self, Terminal};
use crate::text::message::Message;

/// How long to wait for other runs. One takes a fraction of a second, unless ssh is slow to answer.
const LOCK_LIMIT: Duration = Duration::from_secs(60);

/// What a run wants, once it knows what is there.
#[derive(Debug, Default)]
pub(in crate::commands) struct InstallRequest {
    pub(in crate::commands) wishes: Vec<Desired>,
    /// What becomes of each cluster.
    pub(in crate::commands) lines: Vec<Line>,
    /// What a person should know.
    pub(in crate::commands) warnings: Vec<String>,
    /// The same, of less weight.
    pub(in crate::commands) notes: Vec<String>,
    /// Whether the summary says how to connect.
    pub(in crate::commands) tells_how_to_connect: bool,
    /// A name of ours for ssh to try.
    pub(in crate::commands) alias: Option<String>,
}

/// Lets `decide` see what is there, and does what it decides, shows it, or checks whether anything
/// would change.
pub(in crate::commands) fn apply_request(
    layout: &Layout,
    mode: Mode,
    terminal: Terminal,
    decide: impl FnOnce(&Present) -> Outcome<InstallRequest>,
) -> Outcome<()> {
    let mut lock = if mode == Mode::Apply { Some(Held::take(layout, terminal)?) } else { None };
    let mut present = folder::read(layout)?;
    if let Some(lock) = &mut lock {
        lock.made |= present.folder_is_ours;
        present.folder_is_ours = lock.made;
    }
    let mut decision = decide(&present)?;
    loops::refuse(layout, &present, &mut decision.wishes, &mut decision.lines);
    decision.alias = decision.alias.filter(|alias| is_wished(&decision.wishes, alias));
    for warning in &decision.warnings {
        terminal.warning(warning);
    }
    for note in &decision.notes {
        terminal.note(note);
    }
    let plan = plan(layout, &present, decision.wishes).or_fail(Kind::Install)?;
    let connects = match mode {
        Mode::Apply => {
            let unwritten = apply(layout, &present, &plan, decision.alias.as_deref(), terminal)?;
            drop(lock);
            match &unwritten {
                Some(why) => tell_unwritten(layout, &plan, why, terminal),
                None => tell_line(layout, &plan.notes, terminal),
            }
            decision.tells_how_to_connect && unwritten.is_none()
        }
        Mode::DryRun => {
            let colored = terminal::stdout_is_colored();
            terminal::print_data(|to| diff::write(&plan.changes, colored, to))
                .or_fail(Kind::Local)?;
            terminal.note("a dry run: nothing was changed");
            false
        }
        Mode::Check => false,
    };
    tell_notes(layout, &plan.notes, terminal);
    if mode != Mode::Check {
        summary::tell(&decision.lines, layout, connects, terminal);
    }
    summary::tell_failures(decision.lines, terminal)?;
    if mode == Mode::Check && !plan.changes.is_empty() {
        return Err(Failure::message(Kind::WouldChange, would_change(&plan)));
    }
    Ok(())
}

fn is_wished(wishes: &[Desired], alias: &str) -> bool {
    let is_it =
        |wish: &Desired| matches!(wish, Desired::Put { record, .. } if record.alias() == alias);
    wishes.iter().any(is_it)
}

fn would_change(plan: &Plan) -> Message {
    Message::with_lines("would change:", plan.changes.iter().map(|change| change.path.display()))
}

/// The lock, and our folder for as long as there is something in it.
struct Held<'l> {
    lock: Lock,
    layout: &'l Layout,
    /// Whether there was no ssh folder before us.
    made: bool,
}

impl<'l> Held<'l> {
    fn take(layout: &'l Layout, terminal: Terminal) -> Outcome<Self> {
        // A link in the place of our folder is refused before anything is made in it.
        folder::is_there(layout)?;
        folder::check_owner(layout)?;
        let path = layout.file(LOCK);
        let waiting = || terminal.note("waiting for another run of prime-ssh to end");
        let mut made = false;
        let prepare = || {
            made |= folder::make(layout)?;
            Ok(())
        };
        let lock = Lock::take(&path, LOCK_LIMIT, prepare, waiting)?;
        folder::clean(layout);
        Ok(Self { lock, layout, made })
    }
}

impl Drop for Held<'_> {
    /// Where nothing was installed, or all of it is gone, nothing of ours stays.
    fn drop(&mut self) {
        folder::remove_if_unused(self.layout, &self.lock, self.made);
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let kind = match &error {
            LockError::File(error) if error.is_refusal() => Kind::Install,
            LockError::File(_) | LockError::Busy { .. } => Kind::Local,
        };
        Self::new(kind, error)
    }
}

/// Returns why the user's configuration was left as it is, where it may only be read.
fn apply(
    layout: &Layout,
    present: &Present,
    plan: &Plan,
    alias: Option<&str>,
    terminal: Terminal,
) -> Outcome<Option<FileError>> {
    if plan.changes.is_empty() {
        return Ok(None);
    }
    let stage = Stage::new(plan).or_fail(Kind::Local)?;
    match verify::verify(layout, present, plan, &stage, alias)? {
        Verdict::Fine => {}
        Verdict::NoSsh => terminal.detail("no ssh to check the new files with"),
        Verdict::BrokenBefore(words) => {
            let text = "ssh stops at your configuration as it is:";
            terminal.warning(Message::with_lines(text, words.lines()));
        }
        Verdict::BrokenByUs(words) => {
            let text = "ssh would stop at the new files, so nothing was changed:";
            let message = Message::with_lines(text, words.lines());
            return Err(Failure::message(Kind::Install, message));
        }
    }
    if let Some(loose) = verify::loose_config(layout) {
        terminal.warning(loose);
    }
    Ok(stage.put()?)
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        Self::new(Kind::Local, error)
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let kind = match error {
            VerifyError::Unwritable(_) => Kind::Install,
            VerifyError::Write(_) | VerifyError::System(_) => Kind::Local,
        };
        Self::new(kind, error)
    }
}

fn tell_unwritten(layout: &Layout, plan: &Plan, why: &FileError, terminal: Terminal) {
    let Ok(line) = layout.include(INDEX) else { return };
    let config = layout.config();
    let config = config.display();
    let to_do = if plan.clusters.is_empty() {
        format!("this line in {config} is of no use any more:")
    } else {
        format!("add this line as the first of {config}:")
    };
    terminal.warning(Message::with_lines(why, [to_do, line.to_string()]));
}

/// The user's own file changes by one line, so it is said.
fn tell_line(layout: &Layout, notes: &[Note], terminal: Terminal) {
    for note in notes {
        if let Note::LineAdded(line) = note {
            let config = layout.config();
            terminal.note(format_args!("{} has a new first line: {line}", config.display()));
        }
    }
}

fn tell_notes(layout: &Layout, notes: &[Note], terminal: Terminal) {
    let config = layout.config();
    let config = config.display();
    for note in notes {
        match note {
            Note::LineAdded(_) => {}
            Note::KeptAside { fragment, aside } => terminal.warning(format_args!(
                "{} was edited by hand, and is kept as {}",
                fragment.display(),
                aside.display()
            )),
            Note::InBlock(Found { line, block }) => terminal.warning(format_args!(
                "{config}:{line} includes our file for some hosts only{}: remove that line, ours at \
                 the top does it for all",
                InBlock(*block)
            )),
            Note::LeftIn(Found { line, .. }) => terminal.note(format_args!(
                "{config}:{line} still includes our file, which is gone: remove that line"
            )),
            Note::BackupStays(path) => terminal.note(format_args!(
                "{} stays: {config} was edited since it was made",
                path.display()
            )),
            Note::Foreign(paths) => {
                let paths: Vec<String> =
                    paths.iter().map(|path| path.display().to_string()).collect();
                terminal.note(format_args!("not ours, and left: {}", paths.join(", ")));
            }
            Note::Stateless(path) => terminal.warning(format_args!(
                "{} has no state beside it, so nothing brings it up to date: install that cluster \
                 again",
                path.display()
            )),
        }
    }
}

struct InBlock(Option<usize>);

impl fmt::Display for InBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, " (the block of line {line})"))
    }
}
