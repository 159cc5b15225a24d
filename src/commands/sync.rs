//! `prime-ssh sync`: what is installed becomes what the API says now.

use super::fetch::FetchError;
use super::installed::{
    Applying, Candidate, ClusterChange, DesiredOutcome, DesiredState, InstallRequest, Line,
    apply_request, ask_again, named,
};
use super::refresh;
use crate::cli::SyncArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::plan::{Desired, Installed, Present};
use crate::install::state::{Damage, FileKind, FileStem, Record};
use crate::settings::{Context, Mode, OptionResolver, Sync};
use crate::terminal::Terminal;

pub(super) fn run(args: SyncArgs, context: &Context) -> Outcome<()> {
    if let Some(age) = args.if_older {
        return refresh::run(args, age, context);
    }
    let terminal = context.terminal;
    let settings = Sync::resolve(args, context)?;
    let resolver = OptionResolver::new(context);
    let before = folder::read(&settings.layout)?;
    let stems = named(&before, &settings.clusters)?;
    let asked = Asked::of(&before, &stems, &settings, &resolver, terminal);
    if asked.is_empty() {
        terminal.tell("nothing is installed");
        return Ok(());
    }
    let applying = Applying::new(&settings.layout, settings.mode, &resolver, terminal);
    let skip_invalid = context.global.skip_invalid;
    let mut renewed = Vec::new();
    let applied = apply_request(&applying, |present| {
        let installed = present.installed();
        let mut desired = DesiredState::new(
            &settings.layout,
            present,
            &installed,
            &resolver,
            skip_invalid,
            terminal,
        );
        let request = asked.request(&mut desired, settings.prune);
        renewed = desired.renewed;
        Ok(request)
    })?;
    if settings.mode == Mode::Apply {
        refresh::record(&settings.layout, &applied, &renewed);
    }
    applied.tell(&applying)
}

/// Installed clusters, with what was answered for them.
pub(super) struct Asked {
    records: Vec<Record>,
    candidates: Vec<Candidate>,
    damaged: Vec<Line>,
}

impl Asked {
    /// Asks for these clusters, where each was installed from.
    pub(super) fn of(
        before: &Present,
        stems: &[FileStem],
        settings: &Sync,
        resolver: &OptionResolver<'_>,
        terminal: Terminal,
    ) -> Self {
        let Installed { records, damaged, .. } = before.installed();
        let is_meant = |stem: &FileStem| stems.contains(stem);
        let records: Vec<Record> = records
            .into_iter()
            .filter(|(stem, _)| is_meant(stem))
            .map(|(_, record)| record)
            .collect();
        let damaged = damaged.iter().filter(|(stem, _)| is_meant(stem));
        let damaged =
            damaged.map(|(stem, damage)| left_damaged(&settings.layout, stem, damage)).collect();
        let candidates = ask_again(&records.iter().collect::<Vec<_>>(), resolver, terminal);
        Self { records, candidates, damaged }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.damaged.is_empty()
    }

    /// What becomes of the clusters.
    pub(super) fn request(self, desired: &mut DesiredState<'_>, prune: bool) -> InstallRequest {
        let mut request = InstallRequest { lines: self.damaged, ..InstallRequest::default() };
        for (record, candidate) in self.records.iter().zip(&self.candidates) {
            // Another run may have changed or removed it meanwhile.
            let Some(record) = desired.installed.of_id(record.id.as_str()) else { continue };
            let cluster = record.alias();
            let what = match bring(desired, record, candidate, prune) {
                Ok(DesiredOutcome::Put(wish, what)) => {
                    request.alias.get_or_insert_with(|| cluster.clone());
                    request.wishes.push(wish);
                    what
                }
                Ok(DesiredOutcome::Gone(why)) => {
                    request.wishes.push(Desired::Remove(record.stem()));
                    ClusterChange::Removed(format!(": cluster {} {why}", record.id))
                }
                Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => ClusterChange::Left(failure),
            };
            request.lines.push(Line { cluster, what, stem: Some(record.stem()) });
        }
        request.warnings.extend(desired.take_warnings());
        request
    }
}

const PRUNE: &str = "a cluster that is gone for good is removed by `prime-ssh sync --prune`";

/// What becomes of one installed cluster.
pub(super) fn bring(
    wishing: &mut DesiredState<'_>,
    record: &Record,
    candidate: &Candidate,
    prune: bool,
) -> Outcome<DesiredOutcome> {
    let fetched = &candidate.fetched;
    match &fetched.result {
        Err(FetchError { is_unknown: true, .. }) if prune => {
            return Ok(DesiredOutcome::Gone("is not known to the API"));
        }
        Err(FetchError { failure, is_unknown: true, .. }) => {
            return Err(failure.again().hint(PRUNE));
        }
        Ok(_) | Err(_) => {}
    }
    match fetched.cluster(&record.id, &record.alias())? {
        Some(cluster) => {
            let (name, source) = (record.name.clone(), record.source.clone());
            wishing.wish(cluster, name, source, &record.options)
        }
        None if prune => Ok(DesiredOutcome::Gone("is not in the file any more")),
        None => {
            let message = format!("{} does not hold cluster {}", fetched.source, record.id);
            Err(Failure::message(Kind::Answer, message).hint(PRUNE))
        }
    }
}

fn left_damaged(layout: &Layout, stem: &FileStem, damage: &Damage) -> Line {
    let path = layout.file(&stem.file(FileKind::State));
    let failure = Failure::message(Kind::Local, format!("{}: {damage}", path.display()))
        .hint("install that cluster again; its hosts stay as they are until then");
    let what = ClusterChange::Left(failure);
    Line { cluster: stem.to_string(), what, stem: Some(stem.clone()) }
}
