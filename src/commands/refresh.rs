//! `prime-ssh sync --if-older`: what ssh runs before it connects, and what scripts may.
//!
//! Where nothing is to be done it reads a few small files and ends: no network, no runtime. Where
//! something is, it has one limit for everything, and what cannot be had by then is left as it is:
//! ssh goes on with that.

use std::time::{Duration, Instant};

use super::cert;
use super::installed::{
    Applied, Applying, Asked, ClusterChange, DesiredState, Renewed, apply_request, named,
};
use crate::certificate::file::{CertificateFile, suffices};
use crate::certificate::identity::Identity;
use crate::certificate::judge::{self, MIN_VALIDITY};
use crate::cli::{Global, SyncArgs};
use crate::failure::{Failure, Outcome};
use crate::fs::Lock;
use crate::install::folder;
use crate::install::follow::FOLLOW;
use crate::install::layout::Layout;
use crate::install::refresh::{self, RefreshState};
use crate::install::state::{FileKind, FileStem};
use crate::settings::{Context, Mode, OptionResolver, Sync, Wanted, refresh_is_off, ssh_layout};
use crate::ssh::process::run_with_timeout;
use crate::terminal::{Audience, Terminal};
use crate::text::time;

/// How long all of it may take: somebody waits for a connection.
const LIMIT: Duration = Duration::from_secs(3);
/// The same where there is no certificate that lets anybody in.
const LIMIT_WITHOUT_CERTIFICATE: Duration = Duration::from_secs(10);
/// What is left of it to write down what came of it.
const MARGIN: Duration = Duration::from_millis(300);

/// A cluster, and what is to be done for it.
#[derive(Clone, Debug)]
struct Due {
    /// None for the subscription to clusters that are to come.
    stem: Option<FileStem>,
    hosts: bool,
    certificate: Need,
}

impl Due {
    fn name(&self) -> String {
        self.stem.as_ref().map_or_else(|| refresh::ALL.to_owned(), FileStem::to_string)
    }

    fn title(&self) -> &str {
        self.stem.as_ref().map_or("new clusters", |stem| stem.parts().0)
    }
}

/// How much a new certificate is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// The present one is about to expire.
    Soon,
    /// Nobody gets in without one.
    Now,
}

/// Brings the clusters up to date that were not for so long.
pub(super) fn run(args: SyncArgs, older: Duration, context: &Context) -> Outcome<()> {
    if refresh_is_off(&context.environment)? {
        return Ok(());
    }
    let layout = ssh_layout(context.global.ssh_dir.as_deref(), &context.environment)?;
    let stems = stems(&layout, &args.clusters)?;
    let mut due: Vec<Due> =
        stems.into_iter().filter_map(|stem| due(&layout, stem, older)).collect();
    if args.clusters.is_empty() && layout.file(FOLLOW).exists() {
        due.extend(subscription_due(&layout, older));
    }
    if due.is_empty() {
        return Ok(());
    }
    let is_locked_out = due.iter().any(|due| due.certificate == Need::Now);
    let limit = if is_locked_out { LIMIT_WITHOUT_CERTIFICATE } else { LIMIT };
    let start = Instant::now();
    let work = {
        let (context, due) = (context.clone(), due.clone());
        move || Refresh { context: &context, older, start }.run(args, due)
    };
    if let Ok(done) = run_with_timeout(limit, work) {
        return done;
    }
    // The disk, or a program that was asked, is slow.
    for due in &due {
        let mut state = RefreshState::read(&layout, &due.name());
        let why = format!("no answer within {}", time::span(limit));
        fail(&mut state, &why, due.title(), context.terminal);
        // The next one waits as long, then.
        let _ = state.write(&layout, &due.name());
    }
    Ok(())
}

/// The clusters that are meant, found with as few looks at the disk as possible.
fn stems(layout: &Layout, clusters: &[String]) -> Outcome<Vec<FileStem>> {
    let by_file = |word: &String| {
        let name = format!("{word}.json");
        let (stem, _) = FileStem::of_file(&name)?;
        layout.file(&name).exists().then_some(stem)
    };
    let found: Option<Vec<FileStem>> = clusters.iter().map(by_file).collect();
    match found {
        Some(found) if !clusters.is_empty() => Ok(found),
        _ => named(&folder::read_ours(layout)?, clusters),
    }
}

/// What is to be done for a cluster.
fn due(layout: &Layout, stem: FileStem, older: Duration) -> Option<Due> {
    let (name, now) = (stem.to_string(), time::now());
    let state = RefreshState::read(layout, &name);
    let is_at_work = || Lock::is_held(&refresh::lock(layout, &name));
    let hosts = state.is_older(older, now) && (!state.is_pausing(now) || is_at_work());
    let certificate = match need(layout, &stem, &state) {
        Need::Soon if state.certificate_is_pausing(now) && !is_at_work() => Need::Nothing,
        need => need,
    };
    (hosts || certificate != Need::Nothing).then_some(Due { stem: Some(stem), hosts, certificate })
}

/// Whether the subscription is to be looked at.
fn subscription_due(layout: &Layout, older: Duration) -> Option<Due> {
    let (state, now) = (RefreshState::read(layout, refresh::ALL), time::now());
    let is_at_work = || Lock::is_held(&refresh::lock(layout, refresh::ALL));
    let hosts = state.is_older(older, now) && (!state.is_pausing(now) || is_at_work());
    hosts.then_some(Due { stem: None, hosts, certificate: Need::Nothing })
}

/// Whether a cluster that lets nobody in without a certificate needs a new one.
fn need(layout: &Layout, stem: &FileStem, state: &RefreshState) -> Need {
    let Some(path) = &state.certificate_key else { return Need::Nothing };
    let Ok(present) = CertificateFile::for_stem(&layout.folder(), stem).read() else {
        return Need::Now;
    };
    let key = Identity::beside(path).or_else(|| Some(Identity::read(path).ok()?.public_key));
    let Some(key) = key else { return Need::Now };
    if suffices(&present, &key, MIN_VALIDITY) {
        Need::Nothing
    } else if judge::check(&present, &key, time::now()).is_ok() {
        Need::Soon
    } else {
        Need::Now
    }
}

/// A run that has something to do.
struct Refresh<'c> {
    context: &'c Context,
    older: Duration,
    start: Instant,
}

impl Refresh<'_> {
    fn left(&self, limit: Duration) -> Duration {
        limit.saturating_sub(MARGIN + self.start.elapsed())
    }

    /// The context with this much time for the API, and for nobody to read.
    fn within(&self, limit: Duration) -> Context {
        let timeout = self.left(limit).max(Duration::from_millis(1));
        Context {
            global: Global { timeout, ..self.context.global.clone() },
            environment: self.context.environment.clone(),
            terminal: Terminal::new(Audience::Ansible, true, false),
        }
    }

    fn run(&self, args: SyncArgs, due: Vec<Due>) -> Outcome<()> {
        let settings = Sync::resolve(args, &self.context.clone())?;
        let layout = &settings.layout;
        let mut locks = Vec::new();
        let mut mine = Vec::new();
        for due in due {
            let path = refresh::lock(layout, &due.name());
            // Who is at work on it has the same limit; then ssh goes on with what is there.
            let Ok(lock) = Lock::take(&path, self.left(LIMIT), || Ok(()), || ()) else { continue };
            locks.push(lock);
            mine.extend(match due.stem {
                Some(stem) => self::due(layout, stem, self.older),
                None => subscription_due(layout, self.older),
            });
        }
        let hosts: Vec<Due> = mine.iter().filter(|due| due.hosts).cloned().collect();
        if !hosts.is_empty() {
            self.bring(&settings, &hosts);
        }
        for due in mine.iter().filter(|due| due.certificate != Need::Nothing) {
            self.renew(layout, due);
        }
        Ok(())
    }

    /// Brings the hosts of these clusters up to date.
    fn bring(&self, settings: &Sync, due: &[Due]) {
        let layout = &settings.layout;
        for due in due {
            let mut state = RefreshState::read(layout, &due.name());
            // For those who come while this run is at it, or after it was killed.
            state.tried = time::now();
            state.problem = Some("the last try was cut short".to_owned());
            let _ = state.write(layout, &due.name());
        }
        let context = self.within(LIMIT);
        let resolver = OptionResolver::new(&context);
        let mut renewed = Vec::new();
        let applied = self.sync(settings, due, &context, &resolver, &mut renewed);
        match applied {
            Ok(applied) => {
                for warning in applied.request.urgent.iter().chain(&applied.gone()) {
                    self.context.terminal.warning(warning);
                }
                for line in &applied.request.lines {
                    if line.failure().is_none() {
                        self.context.terminal.tell(format_args!("{}  {}", line.cluster, line.what));
                    }
                }
                record_told(layout, &applied, &renewed, Some(self.start), self.context.terminal);
                if due.iter().any(|due| due.stem.is_none()) {
                    self.record_subscription(layout, &applied);
                }
            }
            Err(failure) => {
                for due in due {
                    let mut state = RefreshState::read(layout, &due.name());
                    let why = one_line(&failure);
                    fail(&mut state, &why, due.title(), self.context.terminal);
                    let _ = state.write(layout, &due.name());
                }
            }
        }
    }

    /// Writes down what came of the look at the subscription.
    fn record_subscription(&self, layout: &Layout, applied: &Applied) {
        let mut state = RefreshState::read(layout, refresh::ALL);
        let mut lines = applied.request.lines.iter().filter(|line| line.stem.is_none());
        if let Some(why) = lines.find_map(|line| line.failure()) {
            fail(&mut state, &one_line(why), "new clusters", self.context.terminal);
        } else {
            let now = time::now();
            state = RefreshState { checked: now, tried: now, ..RefreshState::default() };
        }
        let _ = state.write(layout, refresh::ALL);
    }

    fn sync(
        &self,
        settings: &Sync,
        due: &[Due],
        context: &Context,
        resolver: &OptionResolver<'_>,
        renewed: &mut Vec<Renewed>,
    ) -> Outcome<Applied> {
        let layout = &settings.layout;
        let before = folder::read(layout)?;
        let stems: Vec<FileStem> = due.iter().filter_map(|due| due.stem.clone()).collect();
        let follows = due.iter().any(|due| due.stem.is_none());
        let follow = before.follow.clone().filter(|_| follows);
        let asked = Asked::of(&before, &stems, follow, settings, resolver, context.terminal);
        let mut applying = Applying::new(layout, Mode::Apply, resolver, context.terminal);
        applying.lock_limit = self.left(LIMIT);
        apply_request(&applying, |present| {
            let installed = present.installed();
            let skip_invalid = context.global.skip_invalid;
            let terminal = context.terminal;
            let mut desired =
                DesiredState::new(layout, present, &installed, resolver, skip_invalid, terminal);
            let request = asked.request(&mut desired, false);
            *renewed = desired.renewed;
            Ok(request)
        })
    }

    /// Gets a new certificate for a cluster.
    fn renew(&self, layout: &Layout, due: &Due) {
        let Some(stem) = &due.stem else { return };
        let name = due.name();
        let mut state = RefreshState::read(layout, &name);
        let limit = if due.certificate == Need::Now { LIMIT_WITHOUT_CERTIFICATE } else { LIMIT };
        let context = self.within(limit);
        let resolver = OptionResolver::new(&context);
        let done = folder::read_ours(layout).map_err(Failure::from).and_then(|present| {
            let records = present.installed().records;
            let record = records.iter().find(|(at, _)| at == stem);
            let Some((_, record)) = record else { return Ok(()) };
            let wanted = Wanted::installed(state.certificate_key.clone(), layout);
            let endpoint = || resolver.endpoint_of(record);
            cert::get(vec![record.id.to_string()], &wanted, &endpoint, self.context.terminal)
        });
        state.certificate_failed = done.is_err().then(time::now);
        let _ = state.write(layout, &name);
        if let Err(failure) = done {
            let why = one_line(&failure);
            self.context
                .terminal
                .warning(format_args!("{}: no new certificate: {why}", due.title()));
        }
    }
}

impl Applied {
    /// The clusters that are gone, for a person who only wanted to connect.
    fn gone(&self) -> Vec<String> {
        let lines = self.request.lines.iter();
        let gone = lines.filter(|line| matches!(line.what, ClusterChange::Removed(_)));
        gone.map(|line| format!("{}  {}", line.cluster, line.what)).collect()
    }
}

/// Writes down when each cluster was brought up to date, and why one was not.
pub(super) fn record(layout: &Layout, applied: &Applied, renewed: &[Renewed]) {
    record_told(layout, applied, renewed, None, Terminal::new(Audience::Ansible, true, false));
}

fn record_told(
    layout: &Layout,
    applied: &Applied,
    renewed: &[Renewed],
    start: Option<Instant>,
    terminal: Terminal,
) {
    for line in &applied.request.lines {
        let Some(stem) = &line.stem else { continue };
        let name = stem.to_string();
        if !layout.file(&stem.file(FileKind::State)).exists() {
            refresh::forget(layout, &name);
            continue;
        }
        let mut state = RefreshState::read(layout, &name);
        if let Some(failure) = line.failure() {
            fail(&mut state, &one_line(failure), &line.cluster, terminal);
        } else {
            let key = renewed.iter().find(|renewed| renewed.record.stem() == *stem);
            let took = start.map(|start| start.elapsed().as_millis());
            state = RefreshState {
                checked: time::now(),
                tried: time::now(),
                problem: None,
                took: took.and_then(|took| took.try_into().ok()),
                certificate_key: key.and_then(|renewed| renewed.identity.clone()),
                certificate_failed: state.certificate_failed,
            };
        }
        // Whoever comes next tries again, then.
        let _ = state.write(layout, &name);
    }
}

/// Notes a try that failed, and says how old the hosts are.
fn fail(state: &mut RefreshState, why: &str, cluster: &str, terminal: Terminal) {
    let now = time::now();
    let age = state.age(now);
    state.tried = now;
    state.problem = Some(why.to_owned());
    let age = age.map_or_else(String::new, |age| format!(", {} old", time::span(age)));
    terminal.warning(format_args!("{cluster}: going on with the hosts that are known{age}: {why}"));
}

fn one_line(failure: &Failure) -> String {
    format!("{:#}", failure.cause)
}
