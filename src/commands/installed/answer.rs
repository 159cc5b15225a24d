//! Asking again for what is installed, where it was asked for the first time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::commands::fetch::{self, AnswerSource, FetchError, Fetched};
use crate::failure::{Failure, Kind};
use crate::install::state::{ApiSource, Record, Source};
use crate::settings::{OptionResolver, pasted};
use crate::terminal::Terminal;

/// A cluster that a run is about, with what was answered for it.
#[derive(Debug)]
pub(in crate::commands) struct Candidate {
    /// Where to ask for it the next time.
    pub(in crate::commands) source: Source,
    pub(in crate::commands) fetched: Fetched,
}

/// Asks for installed clusters, each where its state says; what fails for one harms no other.
///
/// The candidates are in the order of the records.
pub(in crate::commands) fn ask_again(
    records: &[&Record],
    resolver: &OptionResolver<'_>,
    terminal: Terminal,
) -> Vec<Candidate> {
    let mut endpoints: BTreeMap<_, (&Record, Vec<String>)> = BTreeMap::new();
    for record in records {
        if let Some(ApiSource { url, context, .. }) = record.source.api() {
            let key = (url, context, record.options.token_file.as_ref());
            let (_, ids) = endpoints.entry(key).or_insert_with(|| (*record, Vec::new()));
            ids.push(record.id.to_string());
        }
    }
    let mut answers: Vec<Fetched> = Vec::new();
    for (record, ids) in endpoints.into_values() {
        let fetched = resolver
            .endpoint_of(record)
            .and_then(|endpoint| fetch::each_of(endpoint, &ids, terminal));
        match fetched {
            Ok(fetched) => answers.extend(fetched),
            Err(failure) => answers.extend(ids.into_iter().map(|id| missed(id, failure.again()))),
        }
    }
    let mut answer_for = |record: &Record| match &record.source {
        Source::Api(_) => {
            let at = answers.iter().position(|fetched| fetched.asked == record.id.as_str());
            at.map(|at| answers.swap_remove(at))
        }
        Source::Input(path) => Some(fetch::read(PathBuf::from(path))),
        Source::Stdin => None,
    };
    let candidate = |record: &&Record| {
        let fetched = answer_for(record)
            .unwrap_or_else(|| missed(record.id.to_string(), from_stdin(record, resolver)));
        let fetched = Fetched { asked: record.alias(), ..fetched };
        Candidate { source: record.source.clone(), fetched }
    };
    records.iter().map(candidate).collect()
}

/// One failure for each cluster that it stands in the way of.
fn missed(id: String, failure: Failure) -> Fetched {
    let source = AnswerSource::Api(id.clone());
    Fetched { asked: id, source, result: Err(FetchError::from(failure)) }
}

fn from_stdin(record: &Record, resolver: &OptionResolver<'_>) -> Failure {
    let alias = record.alias();
    let message = format!("{alias} was installed from standard input, which cannot be read again");
    let install = pasted(resolver.commands().installed("install", ["--input", "FILE"]));
    Failure::message(Kind::Local, message)
        .hint(format!("{install} brings it up to date from now on"))
}
