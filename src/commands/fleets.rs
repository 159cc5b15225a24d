//! From answers to fleets: check, resolve, and tell what a person should know.

use std::collections::HashMap;

use super::fetch::{AnswerSource, Fetched};
use crate::api::error::ApiError;
use crate::cluster::{self, CheckedCluster, Fleet, NoFleet, ResolvedCluster, resolve};
use crate::failure::{Failure, Kind, Outcome};
use crate::name::Id;
use crate::settings::{Context, Origin, Source};
use crate::text::message::Message;

/// Makes fleets of all answers. Refused values are told, and end the run without `--skip-invalid`.
/// `require_all`: no cluster may be left out that should give hosts.
pub(super) fn of_answers<'a>(
    answers: &'a [Fetched],
    options: &cluster::Options,
    source: &Source,
    require_all: bool,
    context: &Context,
) -> Outcome<Vec<Fleet<'a>>> {
    let (terminal, skip_invalid) = (context.terminal, context.global.skip_invalid);
    let each = answers.iter().map(|fetched| (fetched, fetched.clusters()));
    let clusters = distinct(each)?.into_iter().map(|(_, cluster)| cluster);
    let clusters = clusters.collect::<Outcome<Vec<_>>>()?;
    let resolved = resolve(clusters, options);
    if let Some(warning) = refusal_warning(&resolved, resolved.len() > 1, skip_invalid)? {
        terminal.warning(warning);
    }
    // A cluster of `--all` without hosts ends the run only if the options are wrong for it, and one
    // with refusals has been told already.
    let named = !matches!(source.origin, Origin::All(_));
    let ends_run = |why: &NoFleet| match why {
        NoFleet::Refused => require_all,
        NoFleet::NoControlNode | NoFleet::BadJumpHost(_) => true,
        NoFleet::NoHost => named || require_all,
        NoFleet::Terminated | NoFleet::NoneSelected { .. } => named,
    };
    let mut fleets = Vec::with_capacity(resolved.len());
    let mut last_failure = None;
    for resolved in resolved {
        notes(&resolved).for_each(|note| terminal.note(note));
        let ResolvedCluster { title, fleet, .. } = resolved;
        match fleet {
            Ok(fleet) => fleets.push(fleet),
            Err(why) => {
                let failure = no_fleet(&title, &why);
                if ends_run(&why) {
                    return Err(failure);
                }
                terminal.note(format_args!("left out {title}: {why}"));
                last_failure = Some(failure);
            }
        }
    }
    if fleets.is_empty() {
        return Err(last_failure.unwrap_or_else(|| none_listed("render")));
    }
    Ok(fleets)
}

/// Returns each cluster once, with its answer, and the failures of other answers. The API may be
/// asked by two names of one cluster; in files, a cluster that is there twice is a mistake.
pub(super) fn distinct<'a>(
    answers: impl Iterator<Item = (&'a Fetched, Outcome<Vec<CheckedCluster<'a>>>)>,
) -> Outcome<Vec<(&'a Fetched, Outcome<CheckedCluster<'a>>)>> {
    let mut labels: HashMap<Id<'static>, String> = HashMap::new();
    let mut all = Vec::new();
    for (fetched, clusters) in answers {
        let clusters = match clusters {
            Ok(clusters) => clusters,
            Err(failure) => {
                all.push((fetched, Err(failure)));
                continue;
            }
        };
        for cluster in clusters {
            let label = cluster.label.clone();
            let earlier = cluster.id().and_then(|id| labels.insert(id.clone().into_owned(), label));
            match (earlier, &fetched.source) {
                (None, _) => all.push((fetched, Ok(cluster))),
                (Some(_), AnswerSource::Api(_)) => {}
                (Some(earlier), AnswerSource::File(_)) => {
                    let message = format!("{earlier} and {} are of one cluster", cluster.label);
                    return Err(Failure::message(Kind::Usage, message));
                }
            }
        }
    }
    Ok(all)
}

/// The failure of a run that has nothing to do because each cluster of the list was left out.
pub(super) fn all_left_out(to_do: &str) -> Failure {
    Failure::message(Kind::Answer, format!("nothing to {to_do}: every cluster was left out"))
}

/// The failure of a run that has nothing to do because the API lists no cluster.
pub(super) fn none_listed(to_do: &str) -> Failure {
    Failure::message(Kind::Answer, format!("nothing to {to_do}: the API lists no cluster"))
        .hint("`prime-ssh list --team any` shows the clusters of every team")
}

impl Fetched {
    /// Parses and checks the answer; a file may hold several clusters.
    pub(super) fn clusters(&self) -> Outcome<Vec<CheckedCluster<'_>>> {
        let text = self.result.as_ref().map_err(|error| (*error.failure).clone())?;
        match &self.source {
            AnswerSource::Api(id) => Ok(vec![checked_answer(id, text)?]),
            AnswerSource::File(_) => {
                let name = self.source.to_string();
                CheckedCluster::of_file(text, &name).map_err(|malformed| {
                    Failure::message(Kind::Answer, format!("{name}: {malformed}")).hint(
                        "--input takes what the API answers to Get Cluster, or what \
                         `prime-ssh export` prints",
                    )
                })
            }
        }
    }

    /// The cluster with this id; `None` if the answer is a list without it. If the id of a cluster
    /// was refused, returns that one, for its refusals say why.
    pub(super) fn cluster(&self, id: &Id<'_>, alias: &str) -> Outcome<Option<CheckedCluster<'_>>> {
        let mut clusters = self.clusters()?;
        let with_id = clusters.iter().position(|cluster| cluster.id() == Some(id));
        let found = with_id.or_else(|| clusters.iter().position(|cluster| cluster.id().is_none()));
        match (found, clusters.as_slice()) {
            (Some(at), _) => Ok(Some(clusters.swap_remove(at))),
            (None, [other]) if !other.is_of_list() => {
                let other = other.id().map(ToString::to_string).unwrap_or_default();
                let message = format!(
                    "{} is about cluster {other}, and {alias} is cluster {id}",
                    self.source
                );
                Err(Failure::message(Kind::Answer, message))
            }
            (None, _) => Ok(None),
        }
    }
}

/// Parses and checks what the API answered for the cluster with this id.
pub(super) fn checked_answer<'a>(
    asked: &str,
    text: &'a str,
) -> Result<CheckedCluster<'a>, ApiError> {
    let cluster = CheckedCluster::of(text, asked)
        .map_err(|malformed| ApiError::malformed_cluster(asked, &malformed))?;
    match cluster.id().filter(|id| id.as_str() != asked) {
        Some(answered) => Err(ApiError::other_cluster(asked, answered.as_str())),
        None => Ok(cluster),
    }
}

/// Notes for the user about a cluster.
pub(super) fn notes(resolved: &ResolvedCluster<'_>) -> impl Iterator<Item = String> {
    resolved.skip_notes().into_iter().chain(resolved.notes.iter().map(ToString::to_string))
}

/// The most refusals that are told one by one.
const TOLD: usize = 20;

/// Tells what was refused, which is a failure unless `skip_invalid`. `several`: there are more clusters in
/// this run, so that each line needs the cluster's name.
pub(super) fn refusal_warning<'c>(
    resolved: &'c [ResolvedCluster<'_>],
    several: bool,
    skip_invalid: bool,
) -> Outcome<Option<Message>> {
    let with_cluster = |resolved: &'c ResolvedCluster<'_>| {
        let title = if several { format!("{}: ", resolved.title) } else { String::new() };
        resolved.refusals.iter().map(move |refusal| format!("{title}{refusal}"))
    };
    let mut lines = resolved.iter().flat_map(with_cluster).peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    let more = resolved.iter().map(|resolved| resolved.more_refused).sum();
    let text = if skip_invalid {
        "left out what holds a refused value:"
    } else {
        "the answer holds values that cannot be used:"
    };
    let message = Message::with_first(text, TOLD, lines, more);
    if skip_invalid {
        return Ok(Some(message));
    }
    let is_of_cluster =
        |resolved: &ResolvedCluster<'_>| matches!(resolved.fleet, Err(NoFleet::Refused));
    Err(Failure::message(Kind::Answer, message).hint(if resolved.iter().any(is_of_cluster) {
        "without values of the cluster itself nothing can be made of it; is this what the API \
         answers to Get Cluster, or what `prime-ssh export` prints?"
    } else {
        "`--skip-invalid` leaves out these hosts and renders the rest"
    }))
}

/// The failure of a cluster that gives no fleet, without a hint.
pub(super) fn nothing_to(to_do: &str, title: &str, why: &NoFleet) -> Failure {
    let kind = match why {
        NoFleet::BadJumpHost(_) => Kind::Usage,
        _ => Kind::Answer,
    };
    Failure::message(kind, format!("nothing to {to_do} for {title}: {why}"))
}

/// The failure of a cluster that cannot be rendered.
pub(super) fn no_fleet(title: &str, why: &NoFleet) -> Failure {
    let failure = nothing_to("render", title, why);
    match why {
        NoFleet::NoHost => failure.hint(
            "nodes that are still starting have no connection yet: try again later; \
             `--include-inactive` renders terminated and detached nodes too",
        ),
        NoFleet::Terminated => {
            failure.hint("`--include-inactive` renders terminated and detached nodes too")
        }
        NoFleet::NoControlNode => failure.hint("name a jump host: `--jump-via HOST`"),
        _ => failure,
    }
}
