//! `prime-ssh install`: clusters become names that a plain ssh knows.

mod newcomer;
mod other_home;

use newcomer::Newcomer;
use other_home::OtherHome;

use super::cert;
use super::fetch::{self, AnswerSource};
use super::fleets::{self, distinct};
use super::installed::{
    Applying, Candidate, CheckedCandidate, ClusterChange, DesiredState, InstallRequest, Line,
    Names, apply_request, ended_owners, fragments_afterwards,
};
use super::{openssh, refresh, wait};
use crate::certificate::own_keys::{other_keys, own_keys};
use crate::cli::InstallArgs;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::follow::Follow;
use crate::install::fragment::Fragment;
use crate::install::plan::{Desired, Present};
use crate::install::state::ApiSource;
use crate::render::login::Layout as SshLayout;
use crate::settings::{Context, Endpoint, Install, Mode, OptionResolver, Origin};
use crate::ssh::release::OpenSsh;
use crate::terminal::Terminal;
use crate::text::message::Message;

/// How many clusters a message names.
const NAMED: usize = 20;

pub(super) fn run(args: InstallArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let mut settings = Install::resolve(args, context)?;
    let resolver = OptionResolver::new(context);
    openssh::check_options(&settings.options.given.render.ssh_option)?;
    let ssh = OpenSsh::here();
    openssh::check_release(ssh.as_ref(), settings.options.given.render.layout)?;
    if matches!(&settings.source.origin, Origin::Named(named) if named.is_empty()) {
        let endpoint = settings.source.endpoint()?;
        let only = only_cluster(endpoint, settings.team.as_deref(), terminal)?;
        settings.source.origin = Origin::Named(vec![only]);
    }
    let layout = &settings.layout;
    let other_home = OtherHome::of(layout, context)?;
    if let Some(other_home) = &other_home {
        terminal.warning(other_home.warning(layout));
    }
    if let Some((viewing, patience)) = settings.awaited() {
        wait::first(&viewing, &resolver, patience, terminal)?;
    }
    let before = folder::read(layout)?.installed();
    let candidates = candidates(&settings, terminal)?;
    let (checked, left) = check_candidates(&candidates)?;
    settings.check_name(checked.len())?;
    let ended = ended_owners(&settings, &before, &checked, &resolver, terminal);
    let mut renewed = Vec::new();
    let applying = Applying::new(layout, settings.mode, &resolver, terminal);
    let done = apply_request(&applying, |present| {
        let installed = present.installed();
        let skip_invalid = context.global.skip_invalid;
        let mut desired = DesiredState::new(layout, present, &installed, &resolver, skip_invalid);
        let (ours, read) = (layout.ssh_folder(), layout.read_by_ssh());
        desired.own_keys = (own_keys(&read), [ours, &*read].map(other_keys).concat());
        let names = Names::choose(&settings, &installed, &checked, &ended)?;
        let lines = left;
        let mut request = InstallRequest { lines, ..InstallRequest::default() };
        for (candidate, name) in checked.into_iter().zip(&names.names) {
            let newcomer = Newcomer::new(&candidate.1, name.clone(), &names);
            newcomer.decide(candidate, &settings, &mut desired, ssh.as_ref(), &mut request)?;
        }
        request.talk.append(desired.take_talk());
        request.lines.sort_by(|a, b| a.cluster.cmp(&b.cluster));
        request.talk.notes.extend(compact_advice(present, &request.desired));
        request.desired.extend(subscription(&settings, present, &request, &resolver)?);
        request.tells_how_to_connect = !matches!(other_home, Some(OtherHome::Hides { .. }));
        renewed = desired.renewed;
        Ok(request)
    })?;
    renewed.retain(|renewed| done.puts(&renewed.record));
    if settings.mode == Mode::Apply {
        refresh::record(layout, &done, &renewed, None);
    }
    let done = done.tell(&applying);
    // Without the lock: nobody waits for the API but who asked for a certificate.
    let certificates = match settings.mode {
        Mode::Apply => cert::ensure_each(&renewed, &resolver, layout, terminal),
        Mode::DryRun | Mode::Check => Ok(()),
    };
    terminal.worst([done, certificates].into_iter().filter_map(Result::err).collect())
}

/// The one cluster that there is, by its id.
fn only_cluster(endpoint: Endpoint, team: Option<&str>, terminal: Terminal) -> Outcome<String> {
    let mut listed = fetch::list(endpoint, None, terminal)?;
    listed.retain(|cluster| team.is_none() || cluster.team_id.as_deref() == team);
    match listed.as_slice() {
        [] => Err(fleets::none_listed("install")),
        [only] => Ok(only.id.clone()),
        several => {
            let text = format!("which of these {} clusters?", several.len());
            let names = several.iter().map(|cluster| format!("{} ({})", cluster.name, cluster.id));
            Err(Failure::message(Kind::Usage, Message::with_first(text, NAMED, names, 0))
                .hint("name one or more: `prime-ssh install NAME`; `--all` installs all of them"))
        }
    }
}

fn candidates(settings: &Install, terminal: Terminal) -> Outcome<Vec<Candidate>> {
    let fetched = fetch::each(&settings.source, terminal)?;
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
fn check_candidates(candidates: &[Candidate]) -> Outcome<(Vec<CheckedCandidate<'_>>, Vec<Line>)> {
    let mut checked: Vec<CheckedCandidate<'_>> = Vec::new();
    let mut left = Vec::new();
    let each = candidates.iter().map(|candidate| {
        let fetched = &candidate.fetched;
        (candidate, &fetched.source, fetched.clusters())
    });
    for (candidate, cluster) in distinct(each)? {
        match cluster {
            Ok(cluster) => checked.push((candidate, cluster)),
            Err(failure) => {
                let what = ClusterChange::NotInstalled(failure);
                left.push(Line { cluster: candidate.fetched.asked.clone(), what, stem: None });
            }
        }
    }
    Ok((checked, left))
}

/// With this many hosts, each ssh reads many lines.
const MANY: usize = 1000;

/// The layout for many hosts, where this run installs clusters in the other one.
fn compact_advice(present: &Present, desired: &[Desired]) -> Option<Message> {
    let is_flat = |one: &Desired| match one {
        Desired::Put { record, .. } => {
            record.options.render.layout.unwrap_or_default() == SshLayout::Flat
        }
        Desired::Remove(_) | Desired::Follow(_) => false,
    };
    if !desired.iter().any(is_flat) {
        return None;
    }
    let fragments = fragments_afterwards(present, desired);
    let hosts: usize = fragments.values().map(|text| Fragment::parse(text).hosts.len()).sum();
    let needed = SshLayout::Compact.needs();
    (hosts > MANY).then(|| {
        let advice = format!(
            "{hosts} hosts are installed in all; `--layout compact` makes every ssh faster, and needs \
             {needed} or later"
        );
        advice.into()
    })
}

/// The subscription afterwards, where it changes: one that was installed by name is in it again.
fn subscription(
    settings: &Install,
    present: &Present,
    request: &InstallRequest,
    resolver: &OptionResolver<'_>,
) -> Outcome<Option<Desired>> {
    let old = present.follow.as_ref();
    let asked = match &settings.source.origin {
        Origin::All(team) => {
            let url = settings.source.endpoint()?.address.to_string();
            let context = settings.context.clone();
            let options = settings.options.apply(old.map(|old| &old.options));
            Some(Follow {
                source: ApiSource { url, context, team: team.clone() },
                options: options.or_fail(Kind::Usage)?,
                excluded: old.map(|old| old.excluded.clone()).unwrap_or_default(),
            })
        }
        _ => None,
    };
    // Options that are given for all of its clusters are those of the clusters to come too.
    let asked =
        asked.filter(|asked| settings.follows || old.is_some_and(|old| old.source == asked.source));
    let Some(mut follow) = asked.or_else(|| old.cloned()) else { return Ok(None) };
    if follow.options.live.is_some() {
        let (title, context) = ("new clusters", follow.source.context.as_deref());
        resolver.check_lasting_token(title, context, &follow.options)?;
    }
    for one in &request.desired {
        if let Desired::Put { record, .. } = one {
            follow.excluded.remove(record.id.as_str());
        }
    }
    Ok((old != Some(&follow)).then(|| Desired::Follow(Some(Box::new(follow)))))
}
