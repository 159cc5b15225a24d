//! From an answer to what should be installed, or why not.

use std::collections::BTreeSet;

use anyhow::Context;

use super::identity;
use super::summary::What;
use crate::commands::gather::{self, Judged};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fleet::Survey;
use crate::install::claims::{Claim, claims};
use crate::install::folder;
use crate::install::fragment::Hosts;
use crate::install::layout::Layout;
use crate::install::plan::{Installed, Present, Wish};
use crate::install::state::{Part, Record, Source};
use crate::name::{LocalPath, Slug};
use crate::render::ssh_config;
use crate::settings::{Memory, Remembered};
use crate::terminal::Terminal;

/// What every cluster of a run shares.
#[derive(Debug)]
pub(in crate::commands) struct Wishing<'a> {
    pub(in crate::commands) layout: &'a Layout,
    pub(in crate::commands) present: &'a Present,
    pub(in crate::commands) installed: &'a Installed,
    pub(in crate::commands) memory: &'a Memory<'a>,
    pub(in crate::commands) skip_invalid: bool,
    pub(in crate::commands) terminal: Terminal,
    /// What a person should know, each once.
    pub(in crate::commands) warnings: BTreeSet<String>,
}

/// What an answer makes of its cluster.
#[derive(Debug)]
pub(in crate::commands) enum Wished {
    /// It is to be installed like this.
    Put(Box<Wish>, What),
    /// It is gone for good, and why.
    Gone(&'static str),
}

impl Wishing<'_> {
    /// What is to be installed of the cluster that `survey` is about.
    pub(in crate::commands) fn wish(
        &mut self,
        survey: Survey<'_>,
        name: Slug<'_>,
        source: Source,
        remembered: &Remembered,
    ) -> Outcome<Wished> {
        let label = survey.label().to_owned();
        let Some(id) = survey.id().map(|id| id.clone().into_owned()) else {
            return self.without_id(survey, &label);
        };
        let context = match &source {
            Source::Api { context, .. } => context.as_deref(),
            Source::Input(_) | Source::Stdin => None,
        };
        let mut rendering = self.memory.rendering(remembered, context)?;
        let record = Record {
            id: id.clone(),
            name: name.into_owned(),
            prefix: remembered.prefix.clone(),
            source,
            options: remembered.words.clone(),
            fragments: Vec::new(),
        };
        rendering.walk.recorded = vec![(id, record.name.clone())];
        if rendering.ssh.known_hosts.is_none() {
            rendering.ssh.known_hosts = Some(self.known_hosts(&record)?);
        }
        let judged = gather::judge(survey, &rendering.walk, self.skip_invalid, self.terminal)?;
        let Judged::Fleet(fleet) = judged else { return Ok(Wished::Gone("was terminated")) };
        let mut fragment = Vec::new();
        ssh_config::render(std::slice::from_ref(&*fleet), &rendering.ssh, &mut fragment)
            .context("cannot render")
            .or_fail(Kind::Local)?;
        self.refuse_claimed(&record, &fragment)?;
        self.warnings.extend(rendering.warnings);
        if let Some(path) = &rendering.ssh.identity_file {
            let keys = &fleet.cluster.ssh_keys;
            self.warnings.extend(identity::warnings(self.memory.machine(), path, keys, &record));
        }
        let old = self.old(&record);
        let what = What::of(old, &record, &fragment);
        Ok(Wished::Put(Box::new(Wish::Put { record, fragment }), what))
    }

    /// The refusals say what is wrong with the cluster's own values.
    fn without_id(&self, survey: Survey<'_>, label: &str) -> Outcome<Wished> {
        let options = crate::fleet::Options::default();
        gather::judge(survey, &options, self.skip_invalid, self.terminal)?;
        Err(Failure::message(Kind::Answer, format!("{label}: the answer does not say its id")))
    }

    /// The cluster as it is installed, with its fragment.
    fn old(&self, record: &Record) -> Option<(&Record, &[u8])> {
        let old = self.installed.of_id(record.id.as_str())?;
        Some((old, self.present.part(&old.stem(), Part::Fragment)?))
    }

    fn known_hosts(&self, record: &Record) -> Outcome<LocalPath<'static>> {
        let path = self.layout.known_hosts(&record.stem());
        let text = path.to_str().map(str::to_owned);
        let checked = text.map(LocalPath::new).transpose();
        checked.ok().flatten().ok_or_else(|| {
            let message = format!("ssh cannot be told of a file called {}", path.display());
            Failure::message(Kind::Install, message).hint("give another folder: --ssh-dir DIR")
        })
    }

    /// A name that the user's own configuration defines is not ours to take. One that we installed
    /// before is: what stands there was added to it.
    fn refuse_claimed(&mut self, record: &Record, fragment: &[u8]) -> Outcome<()> {
        let Some(config) = &self.present.config else { return Ok(()) };
        let earlier = self.old(record).map(|(_, fragment)| Hosts::of(fragment)).unwrap_or_default();
        let hosts = Hosts::of(fragment);
        let names = hosts.new_names(&earlier);
        let path = self.layout.config();
        let mut read = folder::read_matching(self.layout);
        let found = claims((&path, config), &names, &self.layout.bearings(), &mut read);
        let place = |claim: &Claim| format!("{}:{}", claim.file.display(), claim.line);
        for claim in &found {
            if let Some(pattern) = &claim.pattern {
                self.warnings.insert(format!(
                    "{}: the pattern {pattern} catches {} too; ours comes first, and what it does \
                     not say counts",
                    place(claim),
                    claim.alias
                ));
            }
        }
        let taken: Vec<String> = found
            .iter()
            .filter(|claim| claim.pattern.is_none())
            .map(|claim| format!("\n  {}: {}", place(claim), claim.alias))
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        let message = format!(
            "your own configuration defines names of {}:{}",
            record.alias(),
            taken.concat()
        );
        Err(Failure::message(Kind::Install, message)
            .hint("rename or remove them there, or install with `--as NAME` or `--prefix WORD`"))
    }
}
