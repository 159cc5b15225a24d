//! Asks the real ssh whether it could live with a plan, before anything is put in place.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::apply::Stage;
use super::include::{self, IncludeLine, Unwritable};
use super::layout::{INDEX, LAST, Layout};
use super::modes::Fault;
use super::plan::{Plan, Present};
use super::state::FileKind;
use crate::fs::FileError;
use crate::ssh::process::Ended;
use crate::ssh::query;

/// What ssh says of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It reads the new state.
    Fine,
    /// There is no ssh to ask.
    NoSsh,
    /// It stops, and it did so before us, in its own words.
    BrokenBefore(String),
    /// It stops because of us, in its own words.
    BrokenByUs(String),
}

/// Why ssh could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The files for it to read could not be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// No `Include` line can name our folder.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// It could not be started or waited for.
    #[error("cannot run ssh")]
    System(#[from] io::Error),
}

/// Lets ssh read what will be there once `stage` is put in place, for `alias` and for a name that
/// is not ours.
pub fn verify(
    layout: &Layout,
    present: &Present,
    plan: &Plan,
    stage: &Stage<'_>,
    alias: Option<&str>,
) -> Result<Verdict, VerifyError> {
    let scratch = crate::fs::scratch_folder(&layout.folder())?;
    let copies = Copies { layout, plan, stage, folder: scratch.path() };
    let names: Vec<&str> = alias.into_iter().chain([query::UNRELATED]).collect();
    let index = copies.index()?;
    let words = match copies.ask(&copies.config(present)?, &names)? {
        Answer::Reads => return Ok(Verdict::Fine),
        Answer::NoSsh => return Ok(Verdict::NoSsh),
        Answer::Stops(words) => words,
    };
    // Whose fault is it? What was there before is asked the same, and what is ours alone.
    let before = copies.write("before", present.config.as_deref().unwrap_or_default())?;
    let Answer::Stops(before) = copies.ask(&before, &names)? else {
        return Ok(Verdict::BrokenByUs(words));
    };
    Ok(match copies.ask(&index, &names)? {
        Answer::Stops(words) => Verdict::BrokenByUs(words),
        Answer::Reads | Answer::NoSsh => Verdict::BrokenBefore(before),
    })
}

/// What ssh said of one configuration.
enum Answer {
    Reads,
    NoSsh,
    Stops(String),
}

/// The new state in a folder of its own, with paths that lead from copy to copy.
struct Copies<'a> {
    layout: &'a Layout,
    plan: &'a Plan,
    stage: &'a Stage<'a>,
    folder: &'a Path,
}

impl Copies<'_> {
    /// The new index, which leads to the new fragments where they stand ready.
    fn index(&self) -> Result<PathBuf, VerifyError> {
        let names = self.plan.clusters.iter().map(|stem| stem.file(FileKind::Fragment));
        let mut text = String::new();
        for name in names.chain([LAST.to_owned()]) {
            let path = self.layout.file(&name);
            let now = self.stage.staged(&path).unwrap_or(&path);
            text.push_str(IncludeLine::new(now)?.as_str());
            text.push('\n');
        }
        self.write(INDEX, text.as_bytes())
    }

    /// The user's configuration as it will be, which leads to the new index.
    fn config(&self, present: &Present) -> Result<PathBuf, VerifyError> {
        let path = self.layout.config();
        let change = self.plan.changes.iter().find(|change| change.path == path);
        let config = change.map_or(&present.config, |change| &change.after);
        let index = self.layout.include_path(&self.folder.join(INDEX))?;
        let config = config.as_deref().unwrap_or_default();
        self.write("user", &include::redirected(config, &self.layout.include_resolver(), &index))
    }

    fn write(&self, name: &str, contents: &[u8]) -> Result<PathBuf, VerifyError> {
        let path = self.folder.join(name);
        crate::fs::replace(&path, contents, 0o600)?;
        Ok(path)
    }

    /// Asks ssh for each name; the first complaint counts.
    fn ask(&self, config: &Path, names: &[&str]) -> Result<Answer, VerifyError> {
        for name in names {
            match self.ask_one(config, name)? {
                Answer::Reads => {}
                answer => return Ok(answer),
            }
        }
        Ok(Answer::Reads)
    }

    fn ask_one(&self, config: &Path, name: &str) -> Result<Answer, VerifyError> {
        match query::ask(Some(config), &[], name) {
            Ok(ended) if ended.succeeded() => Ok(Answer::Reads),
            Ok(Ended { status: Some(_), stderr, .. }) => {
                Ok(Answer::Stops(self.in_final_words(&stderr)))
            }
            Ok(Ended { status: None, .. }) => {
                Ok(Answer::Stops("it gave no answer in time".to_owned()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Answer::NoSsh),
            Err(error) => Err(error.into()),
        }
    }

    /// What ssh said, with the names that the files will have.
    fn in_final_words(&self, words: &str) -> String {
        let mut text = words.trim_end().to_owned();
        let config = self.layout.config();
        for name in ["user", "before"] {
            let path = self.folder.join(name);
            text = text.replace(&*path.to_string_lossy(), &config.to_string_lossy());
        }
        if let Some(name) = self.folder.file_name() {
            text = text.replace(&format!("{}/", name.to_string_lossy()), "");
        }
        for change in &self.plan.changes {
            let staged = self.stage.staged(&change.path).and_then(Path::file_name);
            if let (Some(staged), Some(name)) = (staged, change.path.file_name()) {
                text = text.replace(&*staged.to_string_lossy(), &name.to_string_lossy());
            }
        }
        text
    }
}

/// The user's configuration where ssh would stop at its owner or mode, with what to do: `ssh -F`
/// does not look at them.
#[must_use]
pub fn loose_config(layout: &Layout) -> Option<String> {
    let path = layout.config();
    let fault = Fault::of(&path)?;
    Some(format!("{} {fault}: `{}`", path.display(), fault.remedy(&path)))
}
