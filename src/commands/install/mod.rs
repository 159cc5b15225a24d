//! `prime-ssh install`: clusters become names that a plain ssh knows.

mod newcomer;
mod other_home;

use newcomer::{Candidate, Newcomer, ended_owners};

use super::cert;
use super::fetch::{self, Fetched};
use super::fleets::{self, distinct};
use super::installed::{Applying, ClusterChange, DesiredState, Line, apply_request};
use super::sync::if_older;
use super::{openssh, wait};
use crate::api::list::Listed;
use crate::certificate::own_keys::OwnKeys;
use crate::cli::InstallArgs;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::desired::Desired;
use crate::install::folder;
use crate::install::follow::Follow;
use crate::install::fragment::Fragment;
use crate::install::state::{ApiSource, Source};
use crate::render::connection::Layout as SshLayout;
use crate::settings::{Context, Endpoint, InstallSettings, Mode, OptionResolver, Origin, pasted};
use crate::ssh::release::OpenSsh;
use crate::terminal::Terminal;
use crate::text::message::Message;
use crate::text::sanitize;

/// The most clusters that a message names.
const NAMED: usize = 20;

pub(super) fn run(args: InstallArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let mut settings = InstallSettings::resolve(args, context)?;
    let resolver = OptionResolver::new(context);
    openssh::check_options(&settings.viewing.options.given.render.ssh_option)?;
    let ssh = OpenSsh::here();
    openssh::check_release(ssh.as_ref(), settings.viewing.options.given.render.layout)?;
    if matches!(&settings.viewing.source.origin, Origin::Named(named) if named.is_empty()) {
        let endpoint = settings.viewing.source.endpoint()?;
        let only = only_cluster(endpoint, settings.team.as_deref(), terminal)?;
        settings.viewing.source.origin = Origin::Named(vec![only]);
    }
    let layout = &settings.viewing.layout;
    let hides = other_home::hides(layout, context)?;
    if let Some(warning) = hides.clone().or_else(|| other_home::reads_another(layout, context)) {
        terminal.warning(warning);
    }
    if let Some(goal) = settings.patience {
        wait::first(&settings.viewing, &resolver, goal, terminal)?;
    }
    let present = folder::read(layout)?;
    let before = present.installed();
    let mut answers = fetch::each(&settings.viewing.source, terminal)?;
    if answers.is_empty() {
        return Err(fleets::none_listed("install"));
    }
    leave_out_excluded(&mut answers, present.follow.as_ref(), &settings, terminal)?;
    let (checked, left) = check(&answers)?;
    settings.check_name(checked.len())?;
    let ended = ended_owners(&settings, &before, &checked, &resolver, terminal);
    let applying = Applying::new(layout, settings.mode, &resolver, terminal);
    let mut applied = apply_request(&applying, |state| {
        state.own_keys = OwnKeys::find(&layout.read_by_ssh(), layout.ssh_folder());
        let newcomers = Newcomer::named(&settings, state.installed, checked, &ended)?;
        let replaced = Newcomer::replaced(&newcomers);
        state.request.lines = left;
        for newcomer in newcomers {
            newcomer.decide(&settings, &replaced, ssh.as_ref(), state)?;
        }
        let advice = compact_advice(state);
        state.request.talk.notes.extend(advice);
        subscribe(&settings, &mut state.request.desired, &resolver)?;
        state.request.tells_how_to_connect = hides.is_none();
        Ok(())
    })?;
    if settings.mode == Mode::Apply {
        if_older::record_results(layout, &applied, None);
    }
    let renewed = std::mem::take(&mut applied.request.renewed);
    let told = applied.tell(&applying);
    // Without the lock: nobody waits for the API but who asked for a certificate.
    let certificates = match settings.mode {
        Mode::Apply => cert::ensure_each(&renewed, &resolver, layout, terminal),
        Mode::DryRun | Mode::Check => Ok(()),
    };
    terminal.worst([told, certificates].into_iter().filter_map(Result::err).collect())
}

/// The one cluster that there is, by its id.
fn only_cluster(endpoint: Endpoint, team: Option<&str>, terminal: Terminal) -> Outcome<String> {
    let mut listed = fetch::list(endpoint, None, terminal)?;
    listed.retain(|cluster| cluster.is_of(team));
    match listed.as_slice() {
        [] => Err(fleets::none_listed("install")),
        [only] => Ok(only.id.clone()),
        several => {
            let text = format!("which of these {} clusters?", several.len());
            let name = |listed: &Listed| {
                format!("{} ({})", sanitize::name(&listed.name), sanitize::name(&listed.id))
            };
            let names = several.iter().map(name);
            Err(Failure::message(Kind::Usage, Message::with_first(text, NAMED, names, 0))
                .hint("name one or more: `prime-ssh install NAME`; `--all` installs all of them"))
        }
    }
}

/// Leaves out what was uninstalled by name since the subscription: it comes back by name alone.
fn leave_out_excluded(
    answers: &mut Vec<Fetched>,
    follow: Option<&Follow>,
    settings: &InstallSettings,
    terminal: Terminal,
) -> Outcome<()> {
    let (Some(follow), Origin::All(_)) = (follow, &settings.viewing.source.origin) else {
        return Ok(());
    };
    if settings.source_of(None)? != Source::Api(follow.source.clone()) {
        return Ok(());
    }
    answers.retain(|fetched| {
        let id = &fetched.asked;
        let is_excluded = follow.excluded.contains(id);
        if is_excluded {
            let install = pasted(settings.viewing.commands.installed("install", [&**id]));
            terminal.note(format_args!(
                "{id} stays away, for it was uninstalled; {install} brings it back"
            ));
        }
        !is_excluded
    });
    Ok(())
}

/// Checks the answers; those that did not come or cannot be read harm no other.
fn check(answers: &[Fetched]) -> Outcome<(Vec<Candidate<'_>>, Vec<Line>)> {
    let mut checked = Vec::new();
    let mut left = Vec::new();
    let each = answers.iter().map(|fetched| (fetched, fetched.clusters()));
    for (fetched, cluster) in distinct(each)? {
        match cluster {
            Ok(cluster) => checked.push((fetched, cluster)),
            Err(failure) => {
                let what = ClusterChange::NotInstalled(failure);
                left.push(Line { cluster: fetched.asked.clone(), what, stem: None });
            }
        }
    }
    Ok((checked, left))
}

/// With this many hosts, each ssh reads many lines.
const MANY: usize = 1000;

/// Advises the layout for many hosts, where this run installs clusters in the other one.
fn compact_advice(state: &DesiredState<'_>) -> Option<Message> {
    let desired = &state.request.desired;
    let mut layouts = desired.put.iter().map(|(record, _)| record.options.render.layout);
    if !layouts.any(|layout| layout.unwrap_or_default() == SshLayout::Flat) {
        return None;
    }
    let fragments = desired.fragments(state.present, state.installed);
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

/// Changes the subscription, where it is asked for: a cluster that was installed by name is in it
/// again.
fn subscribe(
    settings: &InstallSettings,
    desired: &mut Desired,
    resolver: &OptionResolver<'_>,
) -> Outcome<()> {
    let old = desired.follow.take();
    let asked = match &settings.viewing.source.origin {
        Origin::All(team) => {
            let url = settings.viewing.source.endpoint()?.address.to_string();
            let context = settings.viewing.context.clone();
            let options = settings.viewing.options.apply(old.as_ref().map(|old| &old.options));
            Some(Follow {
                source: ApiSource { url, context, team: team.clone() },
                options: options.or_fail(Kind::Usage)?,
                excluded: old.as_ref().map(|old| old.excluded.clone()).unwrap_or_default(),
            })
        }
        _ => None,
    };
    // Options that are given for all of its clusters are those of the clusters to come too.
    let is_same = |asked: &Follow| old.as_ref().is_some_and(|old| old.source == asked.source);
    let asked = asked.filter(|asked| settings.follows || is_same(asked));
    let Some(mut follow) = asked.or(old) else { return Ok(()) };
    if follow.options.live.is_some() {
        let (title, context) = ("new clusters", follow.source.context.as_deref());
        resolver.check_lasting_token(title, context, &follow.options)?;
    }
    for (record, _) in &desired.put {
        follow.excluded.remove(record.id.as_str());
    }
    desired.follow = Some(follow);
    Ok(())
}
