//! From answers to fleets: check, walk, and tell what a person should know.

use super::fetch::{Answer, AnswerSource};
pub(super) use super::fetch::{Answers, answers};
use crate::api::error::Error as ApiError;
use crate::api::wire::Malformed;
use crate::cluster::{self, CheckedCluster, Fleet, ResolvedCluster, Unrendered, walk};
use crate::failure::{Failure, Kind, Outcome};
use crate::name::Id;
use crate::terminal::Terminal;
use crate::text::message::Message;

/// What may be missing from an output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gaps {
    /// What holds a refused value is left out, in place of failing.
    pub(super) skip_invalid: bool,
    /// No cluster may be left out that should give hosts.
    pub(super) require_all: bool,
}

/// Checks and walks the answers. What was refused is told, and ends the run unless `skip_invalid`.
pub(super) fn fleets<'a>(
    answers: &'a Answers,
    options: &cluster::Options,
    gaps: Gaps,
    terminal: Terminal,
) -> Outcome<Vec<Fleet<'a>>> {
    let walked = walk(surveys(&answers.answers)?, options);
    tell_refusals(&walked, walked.len() > 1, gaps.skip_invalid, terminal)?;
    let mut fleets = Vec::new();
    let mut last_failure = None;
    for walked in walked {
        tell_notes(&walked, terminal);
        let ResolvedCluster { title, fleet, .. } = walked;
        match fleet {
            Ok(fleet) => fleets.push(fleet),
            Err(why) => {
                let failure = unrendered(&title, &why);
                if ends_the_run(&why, answers.named, gaps.require_all) {
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

/// Whether a cluster without a fleet ends the run: one that was named does, unless what is wrong
/// with it has been told as a refusal; one of `--all` does only where the options are wrong for it.
fn ends_the_run(why: &Unrendered, named: bool, require_all: bool) -> bool {
    match why {
        Unrendered::Refused => require_all,
        Unrendered::NoControlNode | Unrendered::BadJumpHost(_) | Unrendered::ThroughCluster(_) => {
            true
        }
        Unrendered::NoHost => named || require_all,
        Unrendered::Terminated | Unrendered::NoneSelected { .. } => named,
    }
}

/// Checks each answer.
fn surveys(answers: &[Answer]) -> Outcome<Vec<CheckedCluster<'_>>> {
    let mut surveys: Vec<CheckedCluster<'_>> = Vec::with_capacity(answers.len());
    for answer in answers {
        for survey in surveys_of(answer)? {
            if !is_again(&survey, surveys.iter(), &answer.from)? {
                surveys.push(survey);
            }
        }
    }
    Ok(surveys)
}

/// Whether an earlier answer was about the same cluster: the API was asked by two of its names.
/// Where it is in two files, or twice in one, that is a mistake.
pub(super) fn is_again<'s, 'a: 's>(
    survey: &CheckedCluster<'_>,
    mut earlier: impl Iterator<Item = &'s CheckedCluster<'a>>,
    from: &AnswerSource,
) -> Outcome<bool> {
    let same = |other: &&CheckedCluster<'_>| survey.id().is_some() && other.id() == survey.id();
    match (earlier.find(same), from) {
        (None, _) => Ok(false),
        (Some(_), AnswerSource::Api(_)) => Ok(true),
        (Some(other), AnswerSource::File(_)) => {
            let message = format!("{} and {} are of one cluster", other.label(), survey.label());
            Err(Failure::message(Kind::Usage, message))
        }
    }
}

/// That there is nothing to do, for the API lists no cluster.
pub(super) fn none_listed(to_do: &str) -> Failure {
    Failure::message(Kind::Answer, format!("nothing to {to_do}: the API lists no cluster"))
        .hint("`--team any` asks for the clusters of every team")
}

/// Checks one answer: it is JSON, and about the cluster that was asked for; a file may hold the
/// data of several.
pub(super) fn surveys_of(answer: &Answer) -> Outcome<Vec<CheckedCluster<'_>>> {
    let (name, text) = (answer.from.to_string(), &answer.text);
    match &answer.from {
        AnswerSource::File(_) => CheckedCluster::of_file(text, &name).map_err(|malformed| {
            let hint = match malformed {
                Malformed::Version { .. } => "print the data again, with this version of prime-ssh",
                _ => {
                    "--input takes what the API answers to Get Cluster, or what \
                     `prime-ssh render --print-data` prints"
                }
            };
            Failure::message(Kind::Answer, format!("{name}: {malformed}")).hint(hint)
        }),
        AnswerSource::Api(asked) => Ok(vec![survey(asked, text)?]),
    }
}

/// Checks what the API answered for the cluster with this id.
pub(super) fn survey<'a>(asked: &str, text: &'a str) -> Result<CheckedCluster<'a>, ApiError> {
    let survey = CheckedCluster::of(text, asked)
        .map_err(|malformed| ApiError::malformed_cluster(asked, malformed))?;
    match survey.id().filter(|id| id.as_str() != asked) {
        Some(answered) => Err(ApiError::other_cluster(asked, answered.as_str())),
        None => Ok(survey),
    }
}

/// Of what an answer holds, the cluster with this id; else one whose id was refused, for the
/// refusals say why.
pub(super) fn pick<'a>(
    mut surveys: Vec<CheckedCluster<'a>>,
    id: &Id<'_>,
) -> Result<CheckedCluster<'a>, NotThere> {
    let with_id = surveys.iter().position(|survey| survey.id() == Some(id));
    let place = with_id.or_else(|| surveys.iter().position(|survey| survey.id().is_none()));
    place.map(|at| surveys.swap_remove(at)).ok_or_else(|| NotThere {
        others: surveys.iter().filter_map(CheckedCluster::id).map(ToString::to_string).collect(),
        are_data: surveys.iter().any(CheckedCluster::is_data),
    })
}

/// That an answer is about other clusters than the one that is looked for.
#[derive(Debug)]
pub(super) struct NotThere {
    others: Vec<String>,
    /// Data leave out a cluster that is gone; an answer is of another cluster by mistake.
    pub(super) are_data: bool,
}

impl NotThere {
    /// As the failure of who looked for it, in this answer, by this name.
    pub(super) fn failure(&self, from: &AnswerSource, alias: &str, id: &Id<'_>) -> Failure {
        let others = self.others.join(", ");
        let message = format!("{from} is about cluster {others}, and {alias} is cluster {id}");
        Failure::message(Kind::Answer, message)
    }
}

/// What an answer makes of its cluster.
#[derive(Debug)]
pub(super) enum Judged<'a> {
    /// Its hosts.
    Fleet(Box<Fleet<'a>>),
    /// It was terminated.
    Terminated,
    /// It has no host to install, and why: it may have one the next time.
    Empty(Failure),
}

/// Walks one cluster by itself. What was refused is told, and a failure unless `skip_invalid`.
pub(super) fn judge<'a>(
    survey: CheckedCluster<'a>,
    options: &cluster::Options,
    skip_invalid: bool,
    terminal: Terminal,
) -> Outcome<Judged<'a>> {
    let mut walked = walk(vec![survey], options);
    if walked.iter().any(|walked| matches!(walked.fleet, Err(Unrendered::Terminated))) {
        return Ok(Judged::Terminated);
    }
    tell_refusals(&walked, true, skip_invalid, terminal)?;
    let Some(walked) = walked.pop() else {
        return Err(Failure::message(Kind::Answer, "nothing to render"));
    };
    tell_notes(&walked, terminal);
    let ResolvedCluster { title, fleet, .. } = walked;
    match fleet {
        Ok(fleet) => Ok(Judged::Fleet(Box::new(fleet))),
        Err(why @ (Unrendered::NoHost | Unrendered::NoneSelected { .. })) => {
            Ok(Judged::Empty(unrendered(&title, &why)))
        }
        Err(why) => Err(unrendered(&title, &why)),
    }
}

fn tell_notes(walked: &ResolvedCluster<'_>, terminal: Terminal) {
    for note in walked.skip_notes().iter().chain(&walked.notes) {
        terminal.note(note);
    }
}

/// How many refusals are told one by one.
const TOLD: usize = 20;

/// `several`: the clusters need their names, for there are more in this run.
pub(super) fn tell_refusals(
    walked: &[ResolvedCluster<'_>],
    several: bool,
    skip_invalid: bool,
    terminal: Terminal,
) -> Outcome<()> {
    let lines: Vec<String> = walked
        .iter()
        .flat_map(|walked| walked.refusals.iter().map(move |refusal| (walked, refusal)))
        .map(
            |(walked, refusal)| {
                if several { format!("{}: {refusal}", walked.title) } else { refusal.to_string() }
            },
        )
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let more = walked.iter().map(|walked| walked.more_refused).sum();
    let told = |text: &str| Message::with_first(text, TOLD, &lines, more);
    if skip_invalid {
        terminal.warning(told("left out what holds a refused value:"));
        return Ok(());
    }
    let is_of_cluster =
        |walked: &ResolvedCluster<'_>| matches!(walked.fleet, Err(Unrendered::Refused));
    let message = told("the answer holds values that cannot be used:");
    Err(Failure::message(Kind::Answer, message).hint(if walked.iter().any(is_of_cluster) {
        "without values of the cluster itself nothing can be made of it; is this what the API \
         answers to Get Cluster, or what `prime-ssh render --print-data` prints?"
    } else {
        "`--skip-invalid` leaves out these hosts and renders the rest"
    }))
}

/// That there is nothing to do with this cluster, without a hint.
pub(super) fn nothing_to(to_do: &str, title: &str, why: &Unrendered) -> Failure {
    let kind = match why {
        Unrendered::BadJumpHost(_) => Kind::Usage,
        _ => Kind::Answer,
    };
    Failure::message(kind, format!("nothing to {to_do} for {title}: {why}"))
}

pub(super) fn unrendered(title: &str, why: &Unrendered) -> Failure {
    let failure = nothing_to("render", title, why);
    match why {
        Unrendered::NoHost => failure.hint(
            "nodes that are still starting have no connection yet: try again later; \
             `--include-inactive` renders terminated and detached nodes too",
        ),
        Unrendered::Terminated => {
            failure.hint("`--include-inactive` renders terminated and detached nodes too")
        }
        Unrendered::NoControlNode => failure.hint("name a jump host: `--jump-via HOST`"),
        Unrendered::ThroughCluster(via) => {
            failure.hint(format!("if that is right, say so: `--jump-via {via}`"))
        }
        _ => failure,
    }
}
