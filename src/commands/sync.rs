//! `prime-ssh sync`: what is installed becomes what the API says now.

use super::fetch::FetchError;
use super::installed::{
    Candidate, ClusterChange, DesiredOutcome, DesiredState, InstallRequest, Line, apply_request,
    ask_again, named,
};
use crate::cli::SyncArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::plan::{Desired, Installed};
use crate::install::state::{Damage, FileKind, FileStem, Record};
use crate::settings::{Context, OptionResolver, Sync};

pub(super) fn run(args: SyncArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = Sync::resolve(args, context)?;
    let memory = OptionResolver::new(context);
    let layout = &settings.layout;
    let before = folder::read(layout)?;
    let Installed { records, damaged, .. } = before.installed();
    let stems = named(&before, &settings.clusters)?;
    let records: Vec<&Record> =
        records.iter().filter(|(stem, _)| stems.contains(stem)).map(|(_, record)| record).collect();
    let damaged: Vec<Line> = damaged
        .iter()
        .filter(|(stem, _)| stems.contains(stem))
        .map(|(stem, damage)| left_damaged(layout, stem, damage))
        .collect();
    if records.is_empty() && damaged.is_empty() {
        terminal.tell("nothing is installed");
        return Ok(());
    }
    let candidates = ask_again(&records, &memory, terminal);
    apply_request(layout, settings.mode, terminal, |present| {
        let installed = present.installed();
        let skip_invalid = context.global.skip_invalid;
        let mut wishing =
            DesiredState::new(layout, present, &installed, &memory, skip_invalid, terminal);
        let mut decision = InstallRequest { lines: damaged, ..InstallRequest::default() };
        for (record, candidate) in records.iter().zip(candidates) {
            // Another run may have changed or removed it meanwhile.
            let Some(record) = installed.of_id(record.id.as_str()) else { continue };
            let cluster = record.alias();
            let what = match bring(&mut wishing, record, &candidate, settings.prune) {
                Ok(DesiredOutcome::Put(wish, what)) => {
                    decision.alias.get_or_insert_with(|| cluster.clone());
                    decision.wishes.push(wish);
                    what
                }
                Ok(DesiredOutcome::Gone(why)) => {
                    decision.wishes.push(Desired::Remove(record.stem()));
                    ClusterChange::Removed(format!(": cluster {} {why}", record.id))
                }
                Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => ClusterChange::Left(failure),
            };
            decision.lines.push(Line { cluster, what });
        }
        decision.warnings.extend(wishing.take_warnings());
        Ok(decision)
    })
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
    Line { cluster: stem.to_string(), what: ClusterChange::Left(failure) }
}
