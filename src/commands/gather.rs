//! From answers to fleets: check, walk, and tell what a person should know.

use super::fetch::{Answer, CameFrom};
pub(super) use super::fetch::{Answers, answers};
use crate::api::error::Error as ApiError;
use crate::failure::{Failure, Kind, Outcome};
use crate::fleet::{self, Fleet, Survey, Unrendered, Walked, walk};
use crate::terminal::Terminal;

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
    options: &fleet::Options,
    gaps: Gaps,
    terminal: Terminal,
) -> Outcome<Vec<Fleet<'a>>> {
    let walked = walk(surveys(&answers.answers)?, options);
    tell_refusals(&walked, walked.len() > 1, gaps.skip_invalid, terminal)?;
    let mut fleets = Vec::new();
    let mut last_failure = None;
    for walked in walked {
        tell_notes(&walked, terminal);
        let Walked { title, fleet, .. } = walked;
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
        return Err(last_failure.unwrap_or_else(|| {
            Failure::message(Kind::Answer, "nothing to render: the API lists no cluster")
                .hint("`--team any` asks for the clusters of every team")
        }));
    }
    Ok(fleets)
}

/// Whether a cluster without a fleet ends the run: one that was named does, unless what is wrong
/// with it has been told as a refusal; one of `--all` does only where the options are wrong for it.
fn ends_the_run(why: &Unrendered, named: bool, require_all: bool) -> bool {
    match why {
        Unrendered::Refused => require_all,
        Unrendered::NoControlNode | Unrendered::BadJumpHost(_) => true,
        Unrendered::NoHost => named || require_all,
        Unrendered::Terminated | Unrendered::NoneSelected => named,
    }
}

/// Checks each answer. The same cluster twice is one where the API was asked by two of its names,
/// and a mistake where there are two files of it.
fn surveys(answers: &[Answer]) -> Outcome<Vec<Survey<'_>>> {
    let mut surveys: Vec<Survey<'_>> = Vec::with_capacity(answers.len());
    for answer in answers {
        let survey = survey(answer)?;
        match surveys.iter().find(|other| survey.id().is_some() && other.id() == survey.id()) {
            None => surveys.push(survey),
            Some(other) => {
                if let CameFrom::File(path) = &answer.from {
                    let name = path.display();
                    let message = format!("{} and {name} are of one cluster", other.label());
                    return Err(Failure::message(Kind::Usage, message));
                }
            }
        }
    }
    Ok(surveys)
}

/// Checks one answer: it is JSON, and about the cluster that was asked for.
pub(super) fn survey(answer: &Answer) -> Outcome<Survey<'_>> {
    let (from, text) = (&answer.from, &answer.text);
    let asked = match from {
        CameFrom::File(_) => {
            let name = from.to_string();
            return Survey::of(text, &name).map_err(|malformed| {
                let failure = Failure::message(Kind::Answer, format!("{name}: {malformed}"));
                failure.hint("--input takes what the API answers to Get Cluster, as JSON")
            });
        }
        CameFrom::Api(asked) => asked,
    };
    let survey = Survey::of(text, asked)
        .map_err(|malformed| ApiError::malformed_cluster(asked, malformed))?;
    match survey.id().filter(|id| id.as_str() != asked) {
        Some(answered) => Err(ApiError::other_cluster(asked, answered.as_str()).into()),
        None => Ok(survey),
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
    survey: Survey<'a>,
    options: &fleet::Options,
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
    let Walked { title, fleet, .. } = walked;
    match fleet {
        Ok(fleet) => Ok(Judged::Fleet(Box::new(fleet))),
        Err(why @ (Unrendered::NoHost | Unrendered::NoneSelected)) => {
            Ok(Judged::Empty(unrendered(&title, &why)))
        }
        Err(why) => Err(unrendered(&title, &why)),
    }
}

fn tell_notes(walked: &Walked<'_>, terminal: Terminal) {
    for note in walked.skip_notes().iter().chain(&walked.notes) {
        terminal.note(note);
    }
}

/// How many refusals are told one by one.
const TOLD: usize = 20;

/// `several`: the clusters need their names, for there are more in this run.
pub(super) fn tell_refusals(
    walked: &[Walked<'_>],
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
    let (told, rest) = lines.split_at(lines.len().min(TOLD));
    let rest = rest.len() + walked.iter().map(|walked| walked.more_refused).sum::<usize>();
    let more = if rest == 0 { String::new() } else { format!("\n  and {rest} more") };
    let told = format!("\n  {}{more}", told.join("\n  "));
    if skip_invalid {
        terminal.warning(format_args!("left out what holds a refused value:{told}"));
        return Ok(());
    }
    Err(Failure::message(
        Kind::Answer,
        format!("the answer holds values that cannot be used:{told}"),
    )
    .hint("`--skip-invalid` leaves out these hosts and renders the rest"))
}

pub(super) fn unrendered(title: &str, why: &Unrendered) -> Failure {
    let kind = match why {
        Unrendered::BadJumpHost(_) => Kind::Usage,
        _ => Kind::Answer,
    };
    let failure = Failure::message(kind, format!("nothing to render for {title}: {why}"));
    match why {
        Unrendered::NoHost => failure.hint(
            "nodes that are still starting have no connection yet: try again later; \
             `--include-inactive` renders terminated and detached nodes too",
        ),
        Unrendered::Terminated => {
            failure.hint("`--include-inactive` renders terminated and detached nodes too")
        }
        Unrendered::NoControlNode => failure.hint("name a jump host: `--jump-via HOST`"),
        _ => failure,
    }
}
