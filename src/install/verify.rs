//! Asks the real ssh whether it could live with a plan, before anything is put in place.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::apply::Stage;
use super::include::{self, IncludeLine};
use super::layout::{INDEX, LAST, Layout};
use super::plan::Plan;
use super::present::Present;
use super::state::FileKind;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::ssh::query;
use crate::text::message::Message;

/// Lets ssh read what will be there once `stage` is put in place, for `alias` and for a name that
/// is not ours. Fails where ssh would stop because of us, and returns a warning where it stops at the
/// user's configuration as it is. Says nothing where there is no ssh to ask.
pub fn verify(
    layout: &Layout,
    present: &Present,
    plan: &Plan,
    stage: &Stage<'_>,
    alias: Option<&str>,
) -> Outcome<Option<Message>> {
    let scratch = crate::fs::scratch_folder(&layout.folder()).or_fail(Kind::Local)?;
    let copies = Copies { layout, plan, stage, folder: scratch.path() };
    let names: Vec<&str> = alias.into_iter().chain([query::UNRELATED]).collect();
    let index = copies.index()?;
    let Some(words) = copies.ask(&copies.config(present)?, &names)? else { return Ok(None) };
    // Whose fault is it? What was there before is asked the same, and what is ours alone.
    let before = copies.write("before", present.config.as_deref().unwrap_or_default())?;
    let before = copies.ask(&before, &names)?;
    let by_us = if before.is_some() { copies.ask(&index, &names)? } else { Some(words) };
    match (by_us, before) {
        (Some(words), _) => {
            let text = "ssh would stop at the new files, so nothing was changed:";
            Err(Failure::message(Kind::Install, Message::with_lines(text, words.lines())))
        }
        (None, before) => Ok(before.map(|words| {
            Message::with_lines("ssh stops at your configuration as it is:", words.lines())
        })),
    }
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
    fn index(&self) -> Outcome<PathBuf> {
        let names = self.plan.clusters.iter().map(|stem| stem.file(FileKind::Fragment));
        let mut text = String::new();
        for name in names.chain([LAST.to_owned()]) {
            let path = self.layout.file(&name);
            let now = self.stage.staged(&path).unwrap_or(&path);
            let line = IncludeLine::new(now).or_fail(Kind::Local)?;
            text.extend([line.to_string().as_str(), "\n"]);
        }
        self.write(INDEX, text.as_bytes())
    }

    /// The user's configuration as it will be, which leads to the new index.
    fn config(&self, present: &Present) -> Outcome<PathBuf> {
        let path = self.layout.config();
        let change = self.plan.changes.iter().find(|change| change.path == path);
        let config = change.map_or(&present.config, |change| &change.after);
        let index = self.layout.include_path(&self.folder.join(INDEX)).or_fail(Kind::Local)?;
        let config = config.as_deref().unwrap_or_default();
        self.write("user", &include::redirected(config, &self.layout.include_resolver(), &index))
    }

    fn write(&self, name: &str, contents: &[u8]) -> Outcome<PathBuf> {
        let path = self.folder.join(name);
        crate::fs::replace(&path, contents, 0o600).or_fail(Kind::Local)?;
        Ok(path)
    }

    /// Asks ssh for each name; the first complaint counts.
    fn ask(&self, config: &Path, names: &[&str]) -> Outcome<Option<String>> {
        for name in names {
            let ended = match query::ask(Some(config), name) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                ended => ended.context("cannot run ssh").or_fail(Kind::Local)?,
            };
            if !ended.succeeded() {
                let in_time = ended.status.map(|_| self.in_final_words(&ended.stderr));
                return Ok(Some(in_time.unwrap_or_else(|| "it gave no answer in time".to_owned())));
            }
        }
        Ok(None)
    }

    /// The words of ssh, with the names that the files will have.
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
