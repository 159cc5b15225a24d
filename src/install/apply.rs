//! Applies a plan: all of it, or nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::plan::{Change, Owner, Plan};
use crate::fs::{FileError, Mode, Staged};

/// The mode of every file of ours: keys and addresses are nobody else's concern, and ssh stops
/// at a file that others may write.
const PRIVATE: u32 = 0o600;

/// How long an ssh may take from the line that includes a file to the file: old releases stop where
/// it was removed in between.
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
    /// What was there, ready to be put back: a way back must not need space on the disk.
    old: Option<Staged>,
}

/// Why a plan was not applied. Everything is as it was, or it says what is not.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// Somebody else changed a file since it was read.
    #[error("{} was changed by another program just now; run the command again", .0.display())]
    Meanwhile(PathBuf),
    /// A file could not be written, and another could not be put back.
    #[error("{first}; and what was done before could not be undone: {then}")]
    Stuck {
        /// What went wrong first.
        first: Box<ApplyError>,
        /// What could not be put back.
        then: FileError,
    },
}

impl<'p> Stage<'p> {
    /// Writes every new file beside its place, and every old one too, for the way back.
    pub fn new(plan: &'p Plan) -> Result<Self, FileError> {
        let mut stage = Self { steps: Vec::new(), unwritten: None };
        for change in &plan.changes {
            match Step::new(change) {
                Ok(step) => stage.steps.push(step),
                Err(error) if change.owner != Owner::Ours && error.is_read_only() => {
                    stage.give_up_config(error);
                }
                Err(error) => return Err(error),
            }
        }
        if stage.unwritten.is_some() {
            stage.steps.retain(|step| step.change.owner == Owner::Ours);
        }
        Ok(stage)
    }

    /// The user's configuration cannot be written here; the rest goes on without it.
    fn give_up_config(&mut self, error: FileError) {
        self.unwritten.get_or_insert(error);
    }

    /// Where the new contents of the file at `path` stand until they are put in place.
    #[must_use]
    pub fn staged(&self, path: &Path) -> Option<&Path> {
        let step = self.steps.iter().find(|step| step.change.path == path)?;
        step.new.as_ref().map(Staged::path)
    }

    /// Puts everything in place, one file after the other. Where one fails, those before it are
    /// put back.
    ///
    /// Returns why the user's configuration was left as it is, where it may only be read.
    pub fn put(self) -> Result<Option<FileError>, ApplyError> {
        let Self { steps, mut unwritten } = self;
        let mut done: Vec<Undo> = Vec::new();
        let mut has_paused = false;
        for Step { change, new, old } in steps {
            if new.is_none() && change.is_included && !std::mem::replace(&mut has_paused, true) {
                std::thread::sleep(PAUSE);
            }
            if unwritten.is_some() && change.owner != Owner::Ours {
                continue;
            }
            let undo = Undo { change, old };
            match apply_change(change, new) {
                Ok(()) => done.push(undo),
                Err(ApplyError::Write(error))
                    if change.owner != Owner::Ours && error.is_read_only() =>
                {
                    // The backup is of no use without the change that it is for.
                    if done.last().is_some_and(|undo| undo.change.owner == Owner::Backup) {
                        done.pop().map_or(Ok(()), Undo::run)?;
                    }
                    unwritten = Some(error);
                }
                Err(first) => return Err(undo_all(done, first)),
            }
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
}

fn apply_change(change: &Change, new: Option<Staged>) -> Result<(), ApplyError> {
    if crate::fs::contents(&change.path)? != change.before {
        return Err(ApplyError::Meanwhile(change.path.clone()));
    }
    match new {
        Some(new) => new.put()?,
        None => crate::fs::remove(&change.path)?,
    }
    Ok(())
}

/// How to take back one change.
struct Undo<'p> {
    change: &'p Change,
    old: Option<Staged>,
}

impl Undo<'_> {
    fn run(self) -> Result<(), FileError> {
        match self.old {
            Some(old) => old.put(),
            None => crate::fs::remove(&self.change.path),
        }
    }
}

fn undo_all(done: Vec<Undo<'_>>, first: ApplyError) -> ApplyError {
    let mut stuck = None;
    for undo in done.into_iter().rev() {
        if let Err(error) = undo.run() {
            stuck.get_or_insert(error);
        }
    }
    match stuck {
        None => first,
        Some(then) => ApplyError::Stuck { first: Box::new(first), then },
    }
}
