//! `prime-ssh install`: clusters become names that a plain ssh knows.

use super::cert;
use super::fetch::{self, AnswerSource};
use super::fleets::{self, Distinct};
use super::installed::{
    Applying, Candidate, ClusterChange, DesiredOutcome, DesiredState, InstallRequest, Line, Names,
    Surveyed, apply_request, ended_owners,
};
use super::{refresh, ssh_options, wait};
use crate::cli::InstallArgs;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::follow::Follow;
use crate::install::layout::Layout;
use crate::install::plan::{Desired, Present};
use crate::install::state::FileStem;
use crate::name::{Id, Slug};
use crate::settings::{Context, Install, Mode, OptionResolver, Origin};
use crate::terminal::Terminal;

pub(super) fn run(args: InstallArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = Install::resolve(args, context)?;
    let memory = OptionResolver::new(context);
    let layout = &settings.layout;
    ssh_options::check(&settings.options.given.ssh_option)?;
    if context.global.ssh_dir.is_none() && !layout.is_read_by_ssh() {
        tell_other_home(layout, terminal);
    }
    if let Some((viewing, patience)) = settings.awaited() {
        wait::first(&viewing, &memory, patience, terminal)?;
    }
    let before = folder::read(layout)?.installed();
    let candidates = candidates(&settings, terminal)?;
    let (surveys, left) = surveys(&candidates)?;
    settings.check_name(surveys.len())?;
    let ended = ended_owners(&settings, &before, &surveys, &memory, terminal);
    let mut renewed = Vec::new();
    let applying = Applying::new(layout, settings.mode, &memory, terminal);
    let done = apply_request(&applying, |present| {
        let installed = present.installed();
        let skip_invalid = settings.source.skip_invalid;
        let mut wishing =
            DesiredState::new(layout, present, &installed, &memory, skip_invalid, terminal);
        let names = Names::choose(&settings, &installed, &surveys, &ended)?;
        let mut decision = decide(&settings, &mut wishing, surveys, &names, left)?;
        decision.wishes.extend(subscription(&settings, present, &decision));
        renewed = wishing.renewed;
        Ok(decision)
    })?;
    renewed.retain(|renewed| done.puts(&renewed.record));
    if settings.mode == Mode::Apply {
        refresh::record(layout, &done, &renewed, None);
    }
    let done = done.tell(&applying);
    // Without the lock: nobody waits for the API but who asked for a certificate.
    let certificates = match settings.mode {
        Mode::Apply => cert::ensure_each(&renewed, &memory, layout, terminal),
        Mode::DryRun | Mode::Check => Ok(()),
    };
    terminal.worst([done, certificates].into_iter().filter_map(Result::err).collect())
}

/// ssh goes by the password database, so that what is installed below `$HOME` is not found.
fn tell_other_home(layout: &Layout, terminal: Terminal) {
    let (ours, read) = (layout.ssh_folder(), layout.read_by_ssh());
    let (ours, read) = (ours.display(), read.display());
    terminal.warning(format_args!(
        "ssh reads {read}, whatever HOME says, and this installs into {ours}: \
         use `ssh -F {ours}/config`, or install with `--ssh-dir {read}`"
    ));
}

fn candidates(settings: &Install, terminal: Terminal) -> Outcome<Vec<Candidate>> {
    let fetched = fetch::each(&settings.source.origin, terminal)?;
    if fetched.is_empty() {
        return Err(fleets::none_listed("install"));
    }
    let mut candidates = Vec::with_capacity(fetched.len());
    for fetched in fetched {
        let file = match &fetched.source {
            AnswerSource::File(path) => Some(path.as_path()),
            AnswerSource::Api(_) => None,
        };
        candidates.push(Candidate { source: settings.source_of(file)?, fetched });
    }
    Ok(candidates)
}

/// Checks the answers; those that did not come or cannot be read harm no other.
fn surveys(candidates: &[Candidate]) -> Outcome<(Vec<Surveyed<'_>>, Vec<Line>)> {
    let mut surveys: Vec<Surveyed<'_>> = Vec::new();
    let mut left = Vec::new();
    let mut distinct = Distinct::default();
    for candidate in candidates {
        let fetched = &candidate.fetched;
        match fetched.clusters() {
            Err(failure) => {
                let what = ClusterChange::NotInstalled(failure);
                left.push(Line { cluster: fetched.asked.clone(), what, stem: None });
            }
            Ok(clusters) => {
                for cluster in clusters {
                    if distinct.is_new(&cluster, &fetched.source)? {
                        surveys.push((candidate, cluster));
                    }
                }
            }
        }
    }
    Ok((surveys, left))
}

fn decide(
    settings: &Install,
    wishing: &mut DesiredState<'_>,
    surveys: Vec<Surveyed<'_>>,
    names: &Names,
    left: Vec<Line>,
) -> Outcome<InstallRequest> {
    let mut decision =
        InstallRequest { lines: left, tells_how_to_connect: true, ..InstallRequest::default() };
    let is_of_all = matches!(settings.source.origin, Origin::All(..));
    for ((candidate, survey), name) in surveys.into_iter().zip(&names.names) {
        let id = survey.id().map(|id| id.clone().into_owned());
        if names.replaced.iter().any(|(_, old)| Some(&old.id) == id.as_ref()) {
            continue;
        }
        let old = id.as_ref().and_then(|id| wishing.installed.of_id(id.as_str()));
        let name = name.clone().unwrap_or_else(Slug::prime);
        let options = settings.options.apply(old.map(|old| &old.options)).or_fail(Kind::Usage)?;
        let alias = format!("{}.{name}", options.prefix());
        let failed = |failure| match old {
            Some(_) => ClusterChange::Left(failure),
            None => ClusterChange::NotInstalled(failure),
        };
        if let Some(changes) = old.and_then(|old| options.since(&old.options)) {
            decision.notes.push(format!("options for {alias}: {changes}"));
        }
        let wished = wishing.wish(survey, name.clone(), candidate.source.clone(), &options);
        let what = match wished {
            Ok(DesiredOutcome::Put(wish, what)) => {
                decision.alias.get_or_insert_with(|| alias.clone());
                decision.wishes.push(wish);
                remove_replaced(id.as_ref(), names, &mut decision);
                what
            }
            Ok(DesiredOutcome::Gone(why)) => failed(
                Failure::message(Kind::Answer, format!("{} {why}", candidate.fetched.asked))
                    .hint("`prime-ssh sync` removes an installed cluster that was terminated"),
            ),
            // As with `config --all`: one that has no host yet is no failure of the others.
            Ok(DesiredOutcome::Nothing(why)) if is_of_all && old.is_none() => {
                decision.notes.push(format!("{:#}", why.cause));
                continue;
            }
            Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => failed(failure),
        };
        let cluster = match what {
            ClusterChange::NotInstalled(_) => candidate.fetched.asked.clone(),
            _ => alias,
        };
        let stem = id.map(|id| FileStem::new(&name, id.as_str()));
        decision.lines.push(Line { cluster, what, stem });
    }
    decision.warnings.extend(wishing.take_warnings());
    decision.urgent.append(&mut wishing.urgent);
    decision.lines.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    Ok(decision)
}

/// The subscription afterwards, where it changes: one that was installed by name is in it again.
fn subscription(
    settings: &Install,
    present: &Present,
    request: &InstallRequest,
) -> Option<Desired> {
    let mut follow = match &settings.source.origin {
        Origin::All(endpoint, team) if settings.follows => Follow {
            url: endpoint.address.to_string(),
            context: settings.context.clone(),
            team: team.clone(),
            options: settings.options.apply(None).ok()?,
            excluded: present.follow.clone().unwrap_or_default().excluded,
        },
        _ => present.follow.clone()?,
    };
    for wish in &request.wishes {
        if let Desired::Put { record, .. } = wish {
            follow.excluded.remove(record.id.as_str());
        }
    }
    let is_new = present.follow.as_ref() != Some(&follow);
    is_new.then(|| Desired::Follow(Some(Box::new(follow))))
}

/// The cluster whose name a newcomer has now, for it was terminated.
fn remove_replaced(newcomer: Option<&Id<'_>>, names: &Names, decision: &mut InstallRequest) {
    for (by, old) in names.replaced.iter().filter(|(by, _)| Some(by) == newcomer) {
        decision.wishes.push(Desired::Remove(old.stem()));
        decision.lines.push(Line {
            cluster: old.alias(),
            what: ClusterChange::Removed(format!(
                ": cluster {} was terminated, and cluster {by} has its name now",
                old.id
            )),
            stem: Some(old.stem()),
        });
    }
}
