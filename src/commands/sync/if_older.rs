//! `prime-ssh sync --if-older`: what ssh runs before it connects, and what scripts may.
//!
//! Where nothing is to be done it reads a few small files and ends: no network, no runtime. Where
//! something is, it has one limit for everything, and what cannot be had by then is left as it is:
//! ssh goes on with that.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::outage;
use crate::certificate::file::{CertificateFile, present, suffices};
use crate::certificate::identity::Identity;
use crate::certificate::judge::{self, MIN_VALIDITY};
use crate::cli::{GlobalArgs, ModeArgs, SyncArgs};
use crate::commands::cert;
use crate::commands::installed::{
    Applied, Applying, ClusterChange, InstalledAnswers, apply_request, named, named_by_state,
};
use crate::failure::Outcome;
use crate::fs::{FILE_MAX, Lock, LockError};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::refresh::{self, RefreshState};
use crate::install::state::{FileKind, FileStem, Record};
use crate::settings::{CertSettings, Context, check_sync};
use crate::ssh::process::run_with_timeout;
use crate::terminal::{Audience, Terminal};
use crate::text::time;

/// The limit for all of it: somebody waits for a connection.
const LIMIT: Duration = Duration::from_secs(3);
/// The same where there is no certificate that lets anybody in.
const LIMIT_WITHOUT_CERTIFICATE: Duration = Duration::from_secs(10);
/// The part of it that is left to put files in place and to write down what came of it.
const MARGIN: Duration = Duration::from_millis(300);

/// A cluster, or the subscription, and what is to be done for it.
#[derive(Clone, Debug)]
struct Due {
    /// None for the subscription.
    stem: Option<FileStem>,
    hosts: bool,
    certificate: Need,
}

/// The need for a new certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// The present one is about to expire.
    Soon,
    /// Nobody gets in without one.
    Now,
}

/// Brings the clusters up to date that were not for so long.
pub(super) fn run(args: &SyncArgs, older: Duration, context: &Context) -> Outcome<()> {
    if context.environment.refresh_is_off()? {
        return Ok(());
    }
    let layout = context.layout_for_reading()?;
    let subjects = subjects(&layout, args)?.into_iter();
    let due: Vec<Due> = subjects.filter_map(|stem| Due::of(&layout, stem, older, true)).collect();
    if due.is_empty() {
        return Ok(());
    }
    let limit = due.iter().map(Due::limit).max().unwrap_or(LIMIT);
    let refresh = Refresh { context: context.clone(), layout, older, start: Instant::now() };
    let work = {
        let (mut refresh, due) = (refresh.clone(), due.clone());
        move || {
            check_sync(&refresh.context.global)?;
            refresh.layout = refresh.context.layout()?;
            refresh.run(due);
            Ok(())
        }
    };
    run_with_timeout(limit, work).unwrap_or_else(|error| {
        // The disk, or a program that was asked, is slow.
        refresh.stop(&due, &late(&error, limit));
        Ok(())
    })
}

/// Finds what is meant, without a look into large files: clusters, and the subscription as `None`.
fn subjects(layout: &Layout, args: &SyncArgs) -> Outcome<Vec<Option<FileStem>>> {
    let by_file = |word: &String| {
        let name = format!("{word}.json");
        let (stem, _) = FileStem::of_file(&name)?;
        layout.file(&name).exists().then_some(stem)
    };
    let subscription = || refresh::follows(layout).then_some(None);
    if args.new {
        return Ok(subscription().into_iter().collect());
    }
    if args.clusters.is_empty() {
        let stems = folder::installed_stems(layout)?;
        return Ok(stems.into_iter().map(Some).chain(subscription()).collect());
    }
    let by_files = args.clusters.iter().map(by_file).collect::<Option<Vec<FileStem>>>();
    let found = by_files.or_else(|| named_by_state(folder::records(layout), &args.clusters));
    let mut stems = match found {
        Some(found) => found,
        None => named(&folder::read_ours(layout)?, &args.clusters)?,
    };
    // A run does not wait for its own lock, and runs that wait for each other do so in one order.
    stems.sort();
    stems.dedup();
    Ok(stems.into_iter().map(Some).collect())
}

impl Due {
    /// Finds what is to be done, if anything. What failed a moment ago is not tried again, but a
    /// run that is at it now may be waited for.
    fn of(layout: &Layout, stem: Option<FileStem>, older: Duration, waits: bool) -> Option<Self> {
        let name = refresh::name(stem.as_ref());
        let (state, now) = (RefreshState::read(layout, &name), time::now());
        let is_awaited = || waits && Lock::is_held(&refresh::lock(layout, &name));
        let hosts = state.is_older(older, now) && (!state.is_pausing(now) || is_awaited());
        let certificate = match stem.as_ref().map_or(Need::Nothing, |s| need(layout, s, &state)) {
            Need::Soon if state.certificate_is_pausing(now) && !is_awaited() => Need::Nothing,
            need => need,
        };
        let is_due = hosts || certificate != Need::Nothing;
        is_due.then_some(Self { stem, hosts, certificate })
    }

    fn name(&self) -> String {
        refresh::name(self.stem.as_ref())
    }

    /// Its name in messages: the alias, as far as the state can be read.
    fn title(&self, layout: &Layout) -> String {
        let Some(stem) = &self.stem else { return "new clusters".to_owned() };
        let state = crate::fs::read(&layout.file(&stem.file(FileKind::State)), FILE_MAX);
        let record = state.ok().flatten().and_then(|text| Record::from_json(&text).ok());
        record.map_or_else(|| stem.parts().0.to_owned(), |record| record.alias())
    }

    fn limit(&self) -> Duration {
        if self.certificate == Need::Now { LIMIT_WITHOUT_CERTIFICATE } else { LIMIT }
    }
}

/// Returns whether a cluster that lets nobody in without a certificate needs a new one.
fn need(layout: &Layout, stem: &FileStem, state: &RefreshState) -> Need {
    let Some(path) = &state.certificate_key else { return Need::Nothing };
    let Ok(present) = present(CertificateFile::for_stem(&layout.folder(), stem).path()) else {
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
#[derive(Clone)]
struct Refresh {
    context: Context,
    layout: Layout,
    older: Duration,
    start: Instant,
}

impl Refresh {
    fn left(&self, limit: Duration) -> Duration {
        limit.saturating_sub(MARGIN + self.start.elapsed())
    }

    /// The context with this much time for the API, and for nobody to read.
    fn within(&self, limit: Duration) -> Context {
        // In tenths of a second, for messages say it.
        let tenths = self.left(limit).as_millis() / 100;
        let timeout = Duration::from_millis(u64::try_from(tenths).unwrap_or(0).max(1) * 100);
        Context {
            global: GlobalArgs { timeout, ..self.context.global.clone() },
            environment: self.context.environment.clone(),
            terminal: Terminal::new(Audience::Ansible, true, false),
        }
    }

    fn state(&self, due: &Due) -> RefreshState {
        RefreshState::read(&self.layout, &due.name())
    }

    /// Changes what is written down. Where that is not possible the next run tries again.
    fn update(&self, due: &Due, change: impl FnOnce(&mut RefreshState)) {
        let mut state = self.state(due);
        change(&mut state);
        let _ = state.write(&self.layout, &due.name());
    }

    fn run(&self, due: Vec<Due>) {
        // A lock that root makes in another user's folder would keep that user's runs out.
        if let Err(failure) = folder::check_owner(&self.layout) {
            return due.iter().for_each(|due| self.tell_old(due, &failure.to_string()));
        }
        let began = time::now();
        let mut locks = Vec::new();
        let mut mine = Vec::new();
        for due in due {
            let path = refresh::lock(&self.layout, &due.name());
            // Who is at work on it has the same limit; then ssh goes on with what is there.
            match Lock::take(&path, self.left(due.limit()), || Ok(()), || ()) {
                Ok(lock) => locks.push(lock),
                Err(LockError::Busy { .. }) => {
                    self.tell_old(&due, "another connection still asks the API");
                    continue;
                }
                Err(error) => {
                    self.tell_old(&due, &error.to_string());
                    continue;
                }
            }
            match Due::of(&self.layout, due.stem.clone(), self.older, false) {
                Some(due) => mine.push(due),
                None if !due.hosts => {}
                // The one that was waited for may have failed.
                None => {
                    let state = self.state(&due);
                    if let Some(why) = state.problem.filter(|_| state.tried >= began) {
                        self.tell_old(&due, &why);
                    }
                }
            }
        }
        let mut hosts: Vec<Due> = mine.iter().filter(|due| due.hosts).cloned().collect();
        hosts.retain(|due| !self.is_put_off(due) && self.begin(due));
        if !hosts.is_empty() {
            let (refresh, asked) = (self.clone(), hosts.clone());
            let limit = LIMIT.saturating_sub(MARGIN / 3 + self.start.elapsed());
            if let Err(error) = run_with_timeout(limit, move || refresh.bring_up_to_date(&asked)) {
                self.fail(&hosts, &late(&error, LIMIT));
            }
        }
        for due in mine.iter().filter(|due| due.certificate != Need::Nothing) {
            self.renew(due, began);
        }
    }

    /// Returns whether the API kept somebody waiting in vain a moment ago, for another of its
    /// clusters: one ssh may look at several, where it jumps through another cluster.
    fn is_put_off(&self, due: &Due) -> bool {
        let Some(last) = outage::of_same_api(&self.layout, due.stem.as_ref()) else { return false };
        let why = format!("not asked again so soon: {}", last.problem.unwrap_or_default());
        self.update(due, |state| {
            (state.tried, state.took, state.problem) = (last.tried, None, Some(why.clone()));
        });
        self.tell_old(due, &why);
        true
    }

    /// Writes down that it is tried, for those who come meanwhile, or after this run was killed.
    /// Where that is not possible nothing is asked: each look of each ssh would wait.
    fn begin(&self, due: &Due) -> bool {
        let problem = Some("the last try was cut short".to_owned());
        let state = RefreshState { tried: time::now(), problem, ..self.state(due) };
        let written = state.write(&self.layout, &due.name());
        written.inspect_err(|error| self.tell_old(due, &error.to_string())).is_ok()
    }

    /// Brings the hosts of these clusters up to date.
    fn bring_up_to_date(&self, due: &[Due]) {
        let applied = match self.sync(due) {
            Ok(applied) => applied,
            Err(failure) => return self.fail(due, &failure.in_short()),
        };
        let (terminal, lines) = (self.context.terminal, &applied.lines);
        for warning in applied.talk.urgent.iter().cloned() {
            terminal.warning(warning);
        }
        // Whoever only wanted to connect is told what is gone.
        for line in lines.iter().filter(|line| matches!(line.what, ClusterChange::Removed(_))) {
            terminal.warning(format_args!("{}  {}", line.cluster, line.what));
        }
        for line in lines.iter().filter(|line| line.failure().is_none()) {
            terminal.tell(format_args!("{}  {}", line.cluster, line.what));
        }
        let took = self.start.elapsed();
        for warning in record_results(&self.layout, &applied, Some(took)) {
            terminal.warning(warning);
        }
        if let Some(due) = due.iter().find(|due| due.stem.is_none()) {
            let mut lines = lines.iter().filter(|line| line.stem.is_none());
            match lines.find_map(|line| line.failure()) {
                Some(why) => self.fail(std::slice::from_ref(due), &why.in_short()),
                None => self.update(due, |state| *state = RefreshState::done(Some(took))),
            }
        }
    }

    fn sync(&self, due: &[Due]) -> Outcome<Applied> {
        let (layout, context) = (&self.layout, self.within(LIMIT));
        let mut applying = Applying::new(layout, ModeArgs::default(), &context);
        let before = folder::read(layout)?;
        let stems: Vec<FileStem> = due.iter().filter_map(|due| due.stem.clone()).collect();
        let follows = due.iter().any(|due| due.stem.is_none());
        let follow = before.follow.clone().filter(|_| follows);
        let answers = InstalledAnswers::of(before, &stems, follow, &applying);
        applying.lock_limit = self.left(LIMIT);
        apply_request(&applying, |state| {
            answers.decide(state, false);
            Ok(())
        })
    }

    /// Gets a new certificate for a cluster, unless another run failed to while this one waited.
    fn renew(&self, due: &Due, began: u64) {
        let Some(stem) = &due.stem else { return };
        let state = self.state(due);
        if state.certificate_failed.is_some_and(|failed| failed >= began) {
            return self.tell_no_certificate(due, "another connection was refused one just now");
        }
        let context = self.within(due.limit());
        let done = folder::read_ours(&self.layout).and_then(|present| {
            let Some(record) = present.records.get(stem) else { return Ok(()) };
            let wanted = CertSettings::installed(state.certificate_key.clone(), &self.layout);
            let endpoint = || context.endpoint_of(record);
            let id = record.id.to_string();
            cert::get(vec![id], false, &wanted, &endpoint, self.context.terminal)
        });
        match done {
            Ok(()) => self.update(due, |state| state.certificate_failed = None),
            Err(failure) => self.fail_certificate(due, &failure.in_short()),
        }
    }

    /// Notes that a certificate was asked for in vain.
    fn fail_certificate(&self, due: &Due, why: &str) {
        self.update(due, |state| state.certificate_failed = Some(time::now()));
        self.tell_no_certificate(due, why);
    }

    fn tell_no_certificate(&self, due: &Due, why: &str) {
        let title = due.title(&self.layout);
        self.context.terminal.warning(format_args!("{title}: no new certificate: {why}"));
    }

    /// Notes what was not done when the time was over.
    fn stop(&self, due: &[Due], why: &str) {
        for due in due {
            if due.hosts && self.state(due).is_older(self.older, time::now()) {
                self.fail(std::slice::from_ref(due), why);
            } else if due.certificate != Need::Nothing {
                self.fail_certificate(due, why);
            }
        }
    }

    /// Notes tries that failed, and tells how old the hosts are.
    fn fail(&self, due: &[Due], why: &str) {
        for due in due {
            self.update(due, |state| state.fail(why, Some(self.start.elapsed())));
            self.tell_old(due, why);
        }
    }

    fn tell_old(&self, due: &Due, why: &str) {
        let state = self.state(due);
        self.context.terminal.warning(going_on(&due.title(&self.layout), &state, why));
    }
}

/// Tells whoever goes on with the hosts that are there how old they are.
fn going_on(title: &str, state: &RefreshState, why: &str) -> String {
    match state.age(time::now()) {
        Some(age) => format!("{title}: using the hosts of {} ago: {why}", time::span(age)),
        None => format!("{title}: using the hosts that are installed: {why}"),
    }
}

/// Says why work did not come to its end.
fn late(error: &io::Error, limit: Duration) -> String {
    match error.kind() {
        ErrorKind::TimedOut => format!("no answer within {}", time::span(limit)),
        _ => error.to_string(),
    }
}

/// Writes down when each cluster was brought up to date, and why one was not. Returns warnings for
/// whoever goes on with the hosts that are there.
pub(in crate::commands) fn record_results(
    layout: &Layout,
    applied: &Applied,
    took: Option<Duration>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for line in &applied.lines {
        let Some(stem) = &line.stem else { continue };
        let name = stem.to_string();
        if !layout.file(&stem.file(FileKind::State)).exists() {
            refresh::forget(layout, &name);
            continue;
        }
        let mut state = RefreshState::read(layout, &name);
        if let Some(failure) = line.failure() {
            let why = failure.in_short();
            state.fail(&why, took);
            warnings.push(going_on(&line.cluster, &state, &why));
        } else {
            let mut put = applied.desired.put.iter();
            let put = put.find(|put| put.record.stem() == *stem);
            state = RefreshState {
                certificate_key: put.and_then(|put| put.certificate_key.clone()),
                certificate_failed: state.certificate_failed,
                ..RefreshState::done(took)
            };
        }
        // Whoever comes next tries again, then.
        let _ = state.write(layout, &name);
    }
    warnings
}
