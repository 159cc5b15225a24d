//! What the commands share that keep clusters installed.

mod answer;
mod apply;
mod asked;
mod desired;
mod identity;
mod loops;
mod names;
mod summary;

pub(super) use answer::{Candidate, ask_again};
pub(super) use apply::{Applied, Applying, InstallRequest, apply_request};
pub(super) use asked::{Asked, bring};
pub(super) use desired::{DesiredOutcome, DesiredState, Renewed};
pub(super) use loops::fragments_afterwards;
pub(super) use names::{CheckedCandidate, Names, ended_owners, recorded};
pub(super) use summary::{ClusterChange, Line};

use crate::failure::{Failure, Kind, Outcome};
use crate::install::plan::{Installed, Present};
use crate::install::state::{FileStem, Record};
use crate::name::is_start_of_id;

/// The installed clusters that a person names by id, name, alias or file, damaged ones too; all
/// where none is named.
pub(super) fn named(present: &Present, selectors: &[String]) -> Outcome<Vec<FileStem>> {
    if selectors.is_empty() {
        return Ok(present.all_stems().into_iter().collect());
    }
    let installed = present.installed();
    let mut stems: Vec<FileStem> = Vec::new();
    for selector in selectors {
        let of_record = called(&installed, selector);
        // A damaged state does not say its names; its file does.
        let by_file = || {
            let mut stems = present.all_stems().into_iter();
            stems.find(|stem| stem.to_string() == *selector || stem.parts().0 == selector)
        };
        match of_record.map(Record::stem).or_else(by_file) {
            Some(stem) if stems.contains(&stem) => {}
            Some(stem) => stems.push(stem),
            None => return Err(not_installed(selector, &installed)),
        }
    }
    Ok(stems)
}

/// The installed cluster that a person means by this id or the start of one, name, alias or short
/// name: where a name is the short one of another cluster, that is where ssh leads.
pub(super) fn called<'i>(installed: &'i Installed, selector: &str) -> Option<&'i Record> {
    let records = || installed.records.iter().map(|(_, record)| record);
    let by_short = records().find(|record| record.typed_name() == selector);
    let called = by_short.or_else(|| records().find(|record| record.is_called(selector)));
    called.or_else(|| {
        let mut starting = records().filter(|record| is_start_of_id(selector, record.id.as_str()));
        starting.next().filter(|_| starting.next().is_none())
    })
}

fn not_installed(selector: &str, installed: &Installed) -> Failure {
    let known: Vec<String> = installed
        .records
        .iter()
        .map(|(_, record)| format!("{} ({})", record.alias(), record.id))
        .collect();
    let failure =
        Failure::message(Kind::Usage, format!("no installed cluster is called {selector:?}"));
    failure.hint(if known.is_empty() {
        "nothing is installed".to_owned()
    } else {
        format!("installed are: {}", known.join(", "))
    })
}
