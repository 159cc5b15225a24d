//! Applies a plan: all of it, or nothing.

use std::path::Path;
use std::time::Duration;

use super::plan::{Change, Owner, Plan};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fs::{FileError, Mode, Staged};

/// The mode of every file of ours: keys and addresses are nobody else's concern, and ssh stops
/// at a file that others may write.
const PRIVATE: u32 = 0o600;

/// The time that an ssh may take from the line that includes a file to the file: old releases stop
/// where it was removed in between.
const PAUSE: Duration = Duration::from_millis(200);

/// A plan whose new files are all on the disk, each beside the place where it will stand.
#[derive(Debug)]
pub struct Stage<'p> {
    steps: Vec<Step<'p>>,
    unwritten: Option<FileError>,
}

#[derive(Debug)]
struct Step<'p> {
    change: &'p Change,
    new: Option<Staged>,
    /// The old contents, ready to be put back: a way back must not need space on the disk.
    old: Option<Staged>,
}

impl<'p> Stage<'p> {
    /// Writes every new file beside its place, and every old one too, for the way back.
    pub fn new(plan: &'p Plan) -> Result<Self, FileError> {
        let mut stage = Self { steps: Vec::new(), unwritten: None };
        for change in &plan.changes {
            match Step::new(change) {
                Ok(step) => stage.steps.push(step),
                // The user's configuration cannot be written here; the rest goes on without it.
                Err(error) if change.owner != Owner::Ours && error.is_read_only() => {
                    stage.unwritten.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if stage.unwritten.is_some() {
            stage.steps.retain(|step| step.change.owner == Owner::Ours);
        }
        Ok(stage)
    }

    /// The path where the new contents of the file at `path` stand until they are put in place.
    #[must_use]
    pub fn staged(&self, path: &Path) -> Option<&Path> {
        let step = self.steps.iter().find(|step| step.change.path == path)?;
        step.new.as_ref().map(Staged::path)
    }

    /// Puts everything in place, one file after the other. Where one fails, those before it are
    /// put back.
    ///
    /// Returns why the user's configuration was left as it is, where it may only be read. Where it
    /// fails everything is as it was, or the failure says what is not.
    pub fn put(self) -> Outcome<Option<FileError>> {
        let Self { steps, mut unwritten } = self;
        let mut done: Vec<Step<'_>> = Vec::new();
        let mut has_paused = false;
        for mut step in steps {
            let change = step.change;
            if step.new.is_none()
                && change.is_included()
                && !std::mem::replace(&mut has_paused, true)
            {
                std::thread::sleep(PAUSE);
            }
            if unwritten.is_some() && change.owner != Owner::Ours {
                continue;
            }
            let failure = match step.check_unchanged().map(|()| step.put()) {
                Ok(Ok(())) => {
                    done.push(step);
                    continue;
                }
                Ok(Err(error)) if change.owner != Owner::Ours && error.is_read_only() => {
                    // The backup is of no use without the change that it is for.
                    let backup = done.pop_if(|step| step.change.owner == Owner::Backup);
                    backup.map_or(Ok(()), Step::undo).or_fail(Kind::Local)?;
                    unwritten = Some(error);
                    continue;
                }
                Ok(Err(error)) => Failure::new(Kind::Local, error),
                Err(failure) => failure,
            };
            return Err(undo_all(done, failure));
        }
        Ok(unwritten)
    }
}

impl<'p> Step<'p> {
    fn new(change: &'p Change) -> Result<Self, FileError> {
        let mode = match change.owner {
            Owner::Ours | Owner::Backup => Mode::Exactly(PRIVATE),
            Owner::User => Mode::Keep { new: PRIVATE },
        };
        let path = &change.path;
        let staged = |contents: &Option<Vec<u8>>, mode| {
            contents.as_ref().map(|contents| Staged::new(path, contents, mode)).transpose()
        };
        Ok(Self {
            change,
            new: staged(&change.after, mode)?,
            old: staged(&change.before, Mode::Keep { new: PRIVATE })?,
        })
    }

    /// Fails where somebody else changed the file since it was read.
    fn check_unchanged(&self) -> Outcome<()> {
        let path = &self.change.path;
        if crate::fs::contents(path).or_fail(Kind::Local)? == self.change.before {
            return Ok(());
        }
        let path = path.display();
        let message =
            format!("{path} was changed by another program just now; run the command again");
        Err(Failure::message(Kind::Local, message))
    }

    fn put(&mut self) -> Result<(), FileError> {
        put_or_remove(&self.change.path, self.new.take())
    }

    fn undo(self) -> Result<(), FileError> {
        put_or_remove(&self.change.path, self.old)
    }
}

fn put_or_remove(path: &Path, staged: Option<Staged>) -> Result<(), FileError> {
    staged.map_or_else(|| crate::fs::remove(path), Staged::put)
}

fn undo_all(done: Vec<Step<'_>>, first: Failure) -> Failure {
    // One that cannot be undone is no reason to leave the others.
    let undone: Vec<_> = done.into_iter().rev().map(Step::undo).collect();
    match undone.into_iter().find_map(Result::err) {
        None => first,
        Some(then) => {
            let message = format!("{first}; and what was done before could not be undone: {then}");
            Failure::message(Kind::Local, message)
        }
    }
}
