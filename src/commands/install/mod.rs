//! `prime-ssh install`: clusters become names that a plain ssh knows.

mod newcomer;

use newcomer::{Candidate, InstallRun};

use super::cert;
use super::fetch::{self, Fetched};
use super::fleets::{self, distinct};
use super::installed::{Applying, DesiredBuilder, Line, apply_request};
use super::{openssh, wait};
use crate::api::client::ApiEndpoint;
use crate::api::list::Listed;
use crate::certificate::own_keys::OwnKeys;
use crate::cli::InstallArgs;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::desired::{Desired, DesiredCluster};
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::include::IncludeLine;
use crate::install::layout::{INDEX, Layout};
use crate::install::state::{Follow, Source};
use crate::render::connection::ConfigLayout;
use crate::settings::{Context, InstallSettings, Origin, pasted};
use crate::ssh::release::OpenSsh;
use crate::terminal::Terminal;
use crate::text::message::Message;
use crate::text::{sanitize, shell};

/// The most clusters that a message names.
const NAMED: usize = 20;

pub(super) fn run(args: InstallArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let mut settings = InstallSettings::resolve(args, context)?;
    openssh::check_options(&settings.clusters.options.given.render.ssh_option)?;
    let ssh = OpenSsh::here();
    openssh::check_release(ssh.as_ref(), settings.clusters.options.given.render.layout)?;
    if matches!(&settings.clusters.source.origin, Origin::Named(named) if named.is_empty()) {
        let endpoint = settings.clusters.source.endpoint.clone()?;
        let only = only_cluster(endpoint, settings.team.as_deref(), terminal)?;
        settings.clusters.source.origin = Origin::Named(vec![only]);
    }
    let layout = &settings.clusters.layout;
    let hides = hides_ours(layout, context)?;
    if let Some(warning) = hides.clone().or_else(|| reads_another(layout, context)) {
        terminal.warning(warning);
    }
    if let Some(goal) = settings.wait {
        wait::before_install(&settings.clusters, goal)?;
    }
    let before = folder::read(layout)?;
    let mut answers = fetch::each(&settings.clusters.source, terminal)?;
    if answers.is_empty() {
        return Err(fleets::none_listed("install"));
    }
    leave_out_excluded(&mut answers, before.follow.as_ref(), &settings, terminal)?;
    let (checked, left) = check(&answers)?;
    settings.check_name(checked.len())?;
    let run = InstallRun::new(&settings, ssh, &before, &checked);
    let tells_how_to_connect = hides.is_none();
    let applying =
        Applying { tells_how_to_connect, ..Applying::new(layout, settings.mode, context) };
    let applied = apply_request(&applying, |builder| {
        builder.own_keys = OwnKeys::find(layout);
        builder.lines = left;
        run.decide(checked, builder)?;
        let advice = compact_advice(builder);
        builder.talk.notes.extend(advice);
        subscribe(&settings, &mut builder.desired)?;
        Ok(())
    })?;
    let told = applied.tell(&applying);
    // Without the lock: nobody waits for the API but who asked for a certificate.
    let installed = applied.desired.put.values().filter(|_| settings.mode.applies());
    let certificates =
        installed.filter_map(|DesiredCluster { record, certificate_key, .. }| {
            Some(cert::ensure(record, certificate_key.clone()?, layout, context))
        });
    terminal.worst([told].into_iter().chain(certificates).filter_map(Result::err).collect())
}

// Where `HOME` is not the home folder of the password database, ssh finds the user's configuration by
// that, and what it includes by `HOME`.

/// Warns where ssh reads the configuration of another folder, and nobody named this one.
fn reads_another(layout: &Layout, context: &Context) -> Option<String> {
    if layout.is_read_by_ssh() || context.global.ssh_dir.is_some() {
        return None;
    }
    let (config, read) = (layout.config(), layout.read_by_ssh());
    Some(format!(
        "ssh reads {}, whatever HOME says, and this installs into {}: use `{}`, or install with `{}`",
        read.display(),
        layout.ssh_folder.display(),
        shell::command(["ssh".as_ref(), "-F".as_ref(), config.as_os_str()]),
        shell::command(["--ssh-dir".as_ref(), read.as_os_str()])
    ))
}

/// Warns where ssh reads the configuration of this folder, and does not find what it includes.
fn hides_ours(layout: &Layout, context: &Context) -> Outcome<Option<String>> {
    let home = context.environment.home().filter(|_| layout.is_read_by_ssh());
    let Some(home) = home else { return Ok(None) };
    let config = crate::fs::contents(&layout.config()).or_fail(Kind::Install)?;
    let ours = layout.include_line().or_fail(Kind::Install)?;
    if !folder::is_hidden_from(layout, &ours.put_in(&config.unwrap_or_default()), home) {
        return Ok(None);
    }
    let absolute = IncludeLine::new(&layout.file(INDEX)).or_fail(Kind::Install)?;
    Ok(Some(format!(
        "HOME is {}, so ssh looks below it for our files, and will know none of the names; make this \
         the first line of {}: {absolute}",
        home.display(),
        layout.config().display()
    )))
}

/// The one cluster that there is, by its id.
fn only_cluster(endpoint: ApiEndpoint, team: Option<&str>, terminal: Terminal) -> Outcome<String> {
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
    let (Some(follow), Origin::All(_)) = (follow, &settings.clusters.source.origin) else {
        return Ok(());
    };
    if settings.source_of(None)? != Source::Api(follow.source.clone()) {
        return Ok(());
    }
    answers.retain(|fetched| {
        let id = &fetched.asked;
        let is_excluded = follow.excluded.contains(id);
        if is_excluded {
            let install =
                pasted(settings.clusters.context.commands().installed("install", [&**id]));
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
                left.push(Line::failed(None, fetched.asked.clone(), None, failure));
            }
        }
    }
    Ok((checked, left))
}

/// With this many hosts, each ssh reads many lines.
const MANY: usize = 1000;

/// Advises the layout for many hosts, where this run installs clusters in the other one.
fn compact_advice(builder: &DesiredBuilder<'_>) -> Option<Message> {
    let desired = &builder.desired;
    let mut layouts = desired.put.values().map(|put| put.record.options.render.layout);
    if !layouts.any(|layout| layout.unwrap_or_default() == ConfigLayout::Flat) {
        return None;
    }
    let fragments = desired.fragments(builder.present);
    let hosts: usize = fragments.values().map(|text| Fragment::parse(text).hosts.len()).sum();
    let needed = ConfigLayout::Compact.needs();
    (hosts > MANY).then(|| {
        let advice = format!(
            "{hosts} hosts are installed in all; `--layout compact` makes every ssh faster, and needs \
             {needed} or later"
        );
        advice.into()
    })
}

/// Changes the subscription, where that is asked for.
fn subscribe(settings: &InstallSettings<'_>, desired: &mut Desired) -> Outcome<()> {
    let old = desired.follow.take();
    let is_for_all = matches!(settings.clusters.source.origin, Origin::All(_));
    let follow = match settings.source_of(None)? {
        // Options that are given for all of its clusters are those of the clusters to come too.
        Source::Api(source)
            if is_for_all
                && (settings.follows || old.as_ref().is_some_and(|old| old.source == source)) =>
        {
            let options = settings.clusters.options.apply(old.as_ref().map(|old| &old.options));
            let options = options.or_fail(Kind::Usage)?;
            Follow { source, options, excluded: old.map(|old| old.excluded).unwrap_or_default() }
        }
        _ => match old {
            Some(old) => old,
            None => return Ok(()),
        },
    };
    if follow.options.live.is_some() {
        let (title, context) = ("new clusters", follow.source.context.as_deref());
        settings.clusters.context.check_lasting_token(title, context, &follow.options)?;
    }
    desired.follow = Some(follow);
    Ok(())
}
