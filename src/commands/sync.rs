//! `prime-ssh sync`: what is installed becomes what the API says now.

use super::fetch::Missed;
use super::gather;
use super::installed::{
    Candidate, Decision, Line, What, Wished, Wishing, ask_again, carry_out, named,
};
use crate::args::{Global, SyncArgs};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::plan::{Installed, Wish};
use crate::install::state::{Damage, Part, Record, Stem};
use crate::settings::{Machine, Memory, Remembered, Sync};
use crate::terminal::Terminal;

pub(super) fn run(
    typed: SyncArgs,
    global: &Global,
    machine: &Machine,
    terminal: Terminal,
) -> Outcome<()> {
    let settings = Sync::resolve(typed, global, machine)?;
    let memory = Memory::new(global, machine);
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
    carry_out(layout, settings.mode, terminal, |present| {
        let installed = present.installed();
        let skip_invalid = global.skip_invalid;
        let mut wishing =
            Wishing::new(layout, present, &installed, &memory, skip_invalid, terminal);
        let mut decision = Decision { lines: damaged, ..Decision::default() };
        for (record, candidate) in records.iter().zip(candidates) {
            // Another run may have changed or removed it meanwhile.
            let Some(record) = installed.of_id(record.id.as_str()) else { continue };
            let cluster = record.alias();
            let what = match bring(&mut wishing, record, candidate, settings.prune) {
                Ok(Wished::Put(wish, what)) => {
                    decision.alias.get_or_insert_with(|| cluster.clone());
                    decision.wishes.push(*wish);
                    what
                }
                Ok(Wished::Gone(why)) => {
                    decision.wishes.push(Wish::Remove(record.stem()));
                    What::Removed(format!(": cluster {} {why}", record.id))
                }
                Ok(Wished::Nothing(failure)) | Err(failure) => What::Left(failure),
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
    wishing: &mut Wishing<'_>,
    record: &Record,
    candidate: Candidate,
    prune: bool,
) -> Outcome<Wished> {
    let answer = match candidate.answer {
        Ok(answer) => answer,
        Err(Missed { is_unknown: true, .. }) if prune => {
            return Ok(Wished::Gone("is not known to the API"));
        }
        Err(Missed { failure, is_unknown: true, .. }) => {
            return Err(failure.hint(PRUNE));
        }
        Err(Missed { failure, .. }) => return Err(failure),
    };
    match gather::pick(gather::surveys_of(&answer)?, &record.id) {
        Ok(survey) => {
            let (name, source) = (record.name.clone(), record.source.clone());
            wishing.wish(survey, name, source, &Remembered::of(record))
        }
        Err(not_there) if not_there.are_data && prune => {
            Ok(Wished::Gone("is not in the data any more"))
        }
        Err(not_there) => {
            let failure = not_there.failure(&answer.from, &record.alias(), &record.id);
            Err(if not_there.are_data { failure.hint(PRUNE) } else { failure })
        }
    }
}

fn left_damaged(layout: &Layout, stem: &Stem, damage: &Damage) -> Line {
    let path = layout.file(&stem.file(Part::State));
    let failure = Failure::message(Kind::Local, format!("{}: {damage}", path.display()))
        .hint("install that cluster again; its hosts stay as they are until then");
    Line { cluster: stem.to_string(), what: What::Left(failure) }
}
