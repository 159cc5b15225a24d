//! The steps that `install`, `sync` and `uninstall` share: `answers` of the API for installed clusters,
//! the `desired` state from them, and `apply`, which changes files and tells the `summary`.

mod answers;
mod apply;
mod desired;
mod jumps;
mod summary;

pub(super) use answers::{InstalledAnswers, Newcomers, ask_again, decide_installed};
pub(super) use apply::{Applied, Applying, apply_request};
pub(super) use desired::DesiredBuilder;
pub(super) use summary::{ClusterChange, Line};

use std::collections::HashSet;

use crate::cluster::{CheckedCluster, name_clusters};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::present::Present;
use crate::install::state::{FileStem, Record};
use crate::name::{Id, Slug, id_part, is_start_of_id};

/// The installed clusters that a person names by id, name, alias or file, damaged ones too; all
/// where none is named.
pub(super) fn named(present: &Present, selectors: &[String]) -> Outcome<Vec<FileStem>> {
    if selectors.is_empty() {
        return Ok(present.all_stems().into_iter().collect());
    }
    let mut stems: Vec<FileStem> = Vec::new();
    for selector in selectors {
        let of_record = called(present, selector);
        // A damaged state does not say its names; its file does.
        let by_file = || {
            let mut stems = present.all_stems().into_iter();
            stems.find(|stem| stem.to_string() == *selector || stem.parts().0 == selector)
        };
        match of_record.map(Record::stem).or_else(by_file) {
            Some(stem) if stems.contains(&stem) => {}
            Some(stem) => stems.push(stem),
            None => return Err(not_installed(selector, present)),
        }
    }
    Ok(stems)
}

/// The same by the states alone, which are small: no file with hosts is read. `None` where they do not
/// say it for all.
pub(super) fn named_by_state(records: Vec<Record>, selectors: &[String]) -> Option<Vec<FileStem>> {
    let records = records.into_iter().map(|record| (record.stem(), record)).collect();
    let installed = Present { records, ..Present::default() };
    // Of two of one id ssh reads one, and its files say which.
    let ids: HashSet<&Id<'_>> = installed.records.values().map(|record| &record.id).collect();
    let stems = named(&installed, selectors).ok();
    stems.filter(|_| ids.len() == installed.records.len())
}

/// The installed cluster that a person means by this id or the start of one, name, alias or short
/// name: where a name is the short one of another cluster, that is where ssh leads.
pub(super) fn called<'i>(present: &'i Present, selector: &str) -> Option<&'i Record> {
    let records = || present.records.values();
    let by_short = records().find(|record| record.typed_name() == selector);
    let called = by_short.or_else(|| records().find(|record| record.is_called(selector)));
    called.or_else(|| {
        let mut starting = records().filter(|record| is_start_of_id(selector, record.id.as_str()));
        starting.next().filter(|_| starting.next().is_none())
    })
}

fn not_installed(selector: &str, present: &Present) -> Failure {
    let known: Vec<String> = present
        .records
        .values()
        .map(|record| format!("{} ({})", record.alias(), record.id))
        .collect();
    let failure =
        Failure::message(Kind::Usage, format!("no installed cluster is called {selector:?}"));
    failure.hint(if known.is_empty() {
        "nothing is installed".to_owned()
    } else {
        format!("installed are: {}", known.join(", "))
    })
}

/// Names clusters: an installed one keeps its name, which no other one gets unless `is_replaced`
/// says so.
pub(super) fn names(
    present: &Present,
    clusters: &[&CheckedCluster<'_>],
    is_replaced: impl Fn(&Record) -> bool,
) -> Vec<Option<Slug<'static>>> {
    let records = present.records.values().filter(|record| !is_replaced(record));
    let mut recorded: Vec<_> =
        records.map(|record| (record.id.clone(), record.name.clone())).collect();
    // The file names of a damaged state still say its names.
    for (stem, _) in &present.damaged {
        let (name, part) = stem.parts();
        let mut ids = clusters.iter().filter_map(|cluster| cluster.id());
        let id = ids.find(|id| id_part(id.as_str()) == part).cloned().map(Id::into_owned);
        let id = id.or_else(|| part.parse().ok());
        recorded.extend(id.zip(name.parse().ok()));
    }
    let names = name_clusters(clusters, &recorded);
    names.into_iter().map(|name| name.map(Slug::into_owned)).collect()
}
