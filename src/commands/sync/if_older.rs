//! `prime-ssh sync --if-older`: what ssh runs before it connects, and what scripts may.
//!
//! Where nothing is to be done it reads a few small files and ends: no network, no runtime. Where
//! something is, it has one limit for everything, and what cannot be had by then is left as it is:
//! ssh goes on with that.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use crate::certificate::file::{CertificateFile, present};
use crate::certificate::identity::Identity;
use crate::certificate::judge::{self, MIN_VALIDITY};
use crate::cli::{GlobalArgs, ModeArgs, SyncArgs};
use crate::commands::cert;
use crate::commands::installed::{
    Applied, Applying, ClusterChange, InstalledAnswers, apply_request, named, named_by_state,
};
use crate::failure::Outcome;
use crate::fs::{Lock, read_own};
use crate::install::folder;
use crate::install::layout::{FOLLOW, Layout};
use crate::install::refresh::RefreshState;
use crate::install::state::{FileKind, FileStem, Follow};
use crate::settings::{Context, check_sync};
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
    stem: FileStem,
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
        move || -> Outcome<Vec<String>> {
            check_sync(&refresh.context.global)?;
            refresh.layout = refresh.context.layout()?;
            Ok(refresh.run(due))
        }
    };
    // Where the disk, or a program that was asked, is slow, nobody waits for what `work` would say.
    let warnings = run_with_timeout(limit, work)
        .unwrap_or_else(|error| Ok(refresh.stop(&due, &late(&error, limit))))?;
    for warning in warnings {
        context.terminal.warning(warning);
    }
    Ok(())
}

/// Finds what is meant, without a look into large files.
fn subjects(layout: &Layout, args: &SyncArgs) -> Outcome<Vec<FileStem>> {
    let is_there = |stem: &FileStem| layout.part(stem, FileKind::State).exists();
    let by_file = |word: &String| {
        let (stem, _) = FileStem::of_file(&format!("{word}.json"))?;
        Some(stem).filter(|stem| !stem.is_subscription() && is_there(stem))
    };
    if args.new {
        return Ok([FileStem::subscription()].into_iter().filter(is_there).collect());
    }
    if args.clusters.is_empty() {
        return folder::installed_stems(layout);
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
    Ok(stems)
}

impl Due {
    /// Finds what is to be done, if anything. What failed a moment ago is not tried again, but a
    /// run that is at it now may be waited for.
    fn of(layout: &Layout, stem: FileStem, older: Duration, waits: bool) -> Option<Self> {
        let (state, now) = (RefreshState::read(layout, &stem), time::now());
        let is_awaited = || waits && Lock::is_held(&layout.part(&stem, FileKind::RefreshLock));
        let hosts = state.is_older(older, now) && (!state.is_pausing(now) || is_awaited());
        let certificate = match need(layout, &stem, &state) {
            Need::Soon if state.certificate_is_pausing(now) && !is_awaited() => Need::Nothing,
            need => need,
        };
        let is_due = hosts || certificate != Need::Nothing;
        is_due.then_some(Self { stem, hosts, certificate })
    }

    fn limit(&self) -> Duration {
        if self.certificate == Need::Now { LIMIT_WITHOUT_CERTIFICATE } else { LIMIT }
    }
}

/// Returns whether a cluster that lets nobody in without a certificate needs a new one.
fn need(layout: &Layout, stem: &FileStem, state: &RefreshState) -> Need {
    let Some(path) = &state.certificate_key else { return Need::Nothing };
    let Ok(present) = present(&CertificateFile::for_stem(layout, stem).path) else {
        return Need::Now;
    };
    let key = Identity::beside(path).or_else(|| Identity::public_half(path));
    let Some(key) = key else { return Need::Now };
    match judge::check(&present, &key, time::now()) {
        Ok(left) if left >= MIN_VALIDITY => Need::Nothing,
        Ok(_) => Need::Soon,
        Err(_) => Need::Now,
    }
}

/// A run that has something to do. It returns what it could not do, as warnings: a limit may be over
/// meanwhile, and then whoever waited speaks instead. What was done it tells itself.
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

    fn state(&self, stem: &FileStem) -> RefreshState {
        RefreshState::read(&self.layout, stem)
    }

    /// Changes what is written down. Where that is not possible the next run tries again.
    fn update(&self, stem: &FileStem, change: impl FnOnce(&mut RefreshState)) {
        let mut state = self.state(stem);
        change(&mut state);
        let _ = state.write(&self.layout, stem);
    }

    fn run(&self, due: Vec<Due>) -> Vec<String> {
        // A lock that root makes in another user's folder would keep that user's runs out.
        if let Err(failure) = folder::check_owner(&self.layout) {
            return due
                .iter()
                .map(|due| self.still_uses(&due.stem, &failure.to_string()))
                .collect();
        }
        let began = time::now();
        let (mut locks, mut mine, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        for due in due {
            let (stem, limit) = (&due.stem, self.left(due.limit()));
            let path = self.layout.part(stem, FileKind::RefreshLock);
            // Who is at work on it has the same limit; then ssh goes on with what is there.
            match Lock::take(&path, limit, || Ok(()), || ()) {
                Ok(lock) => locks.push(lock),
                Err(error) => {
                    let words = error.to_string();
                    let at_work = "another connection still asks the API";
                    let why = if error.is_held() { at_work } else { &words };
                    warnings.push(self.still_uses(stem, why));
                    continue;
                }
            }
            match Due::of(&self.layout, stem.clone(), self.older, false) {
                Some(due) => mine.push(due),
                None if !due.hosts => {}
                // The one that was waited for may have failed.
                None => {
                    let state = self.state(stem);
                    let why = state.problem.filter(|_| state.tried >= began);
                    warnings.extend(why.map(|why| self.still_uses(stem, &why)));
                }
            }
        }
        let mut asked = Vec::new();
        for Due { stem, .. } in mine.iter().filter(|due| due.hosts) {
            match self.begin(stem) {
                Ok(()) => asked.push(stem.clone()),
                Err(why) => warnings.push(self.still_uses(stem, &why)),
            }
        }
        if !asked.is_empty() {
            warnings.extend(self.bring_up_to_date(&asked));
        }
        let certificates = mine.iter().filter(|due| due.certificate != Need::Nothing);
        warnings.extend(certificates.filter_map(|due| self.renew(due, began)));
        warnings
    }

    /// Writes down that it is tried, for those who come meanwhile, or after this run was killed. Fails
    /// where nothing is to be asked: each look of each ssh would wait.
    fn begin(&self, stem: &FileStem) -> Result<(), String> {
        let failed = self.failed_for_others(stem);
        let tried = failed.as_ref().map_or_else(time::now, |last| last.tried);
        let refused = failed
            .map(|last| format!("not asked again so soon: {}", last.problem.unwrap_or_default()));
        let problem = refused.clone().or_else(|| Some("the last try was cut short".to_owned()));
        // How long an earlier one took says nothing of this one: nobody has waited for it yet.
        let state = RefreshState { tried, problem, took: None, ..self.state(stem) };
        let written = state.write(&self.layout, stem).map_err(|error| error.to_string());
        refused.map_or(written, Err)
    }

    /// Returns the last try for another cluster of the same API, or for its list, if it failed a
    /// moment ago and somebody waited for it: one ssh may look at several clusters, where it jumps
    /// through another one.
    fn failed_for_others(&self, stem: &FileStem) -> Option<RefreshState> {
        let now = time::now();
        let others = folder::installed_stems(&self.layout).ok()?.into_iter();
        let others = others.filter(|other| other != stem).map(|other| (self.state(&other), other));
        let mut failed = others.filter(|(state, _)| state.is_pausing(now) && state.kept_waiting());
        let first = failed.next()?;
        let api = self.api(stem)?;
        let mut failed = [first].into_iter().chain(failed);
        failed.find(|(_, other)| self.api(other).as_ref() == Some(&api)).map(|(state, _)| state)
    }

    /// The API that a cluster was installed from, or that the subscription asks.
    fn api(&self, stem: &FileStem) -> Option<String> {
        if stem.is_subscription() {
            let (text, _) = read_own(&self.layout.file(FOLLOW)).ok()??;
            return Some(Follow::from_json(&text)?.source.url);
        }
        Some(folder::record(&self.layout, stem)?.source.api()?.url.clone())
    }

    /// Brings the hosts of these clusters up to date.
    fn bring_up_to_date(&self, stems: &[FileStem]) -> Vec<String> {
        let limit = LIMIT.saturating_sub(MARGIN / 3 + self.start.elapsed());
        let (refresh, asked) = (self.clone(), stems.to_vec());
        let why = match run_with_timeout(limit, move || refresh.sync(&asked)) {
            Ok(Ok(applied)) => return self.tell(&applied),
            Ok(Err(failure)) => failure.in_short(),
            Err(error) => late(&error, LIMIT),
        };
        stems.iter().map(|stem| self.fail(stem, &why)).collect()
    }

    fn sync(&self, stems: &[FileStem]) -> Outcome<Applied> {
        let (layout, context) = (&self.layout, self.within(LIMIT));
        let mut applying = Applying::new(layout, ModeArgs::default(), &context);
        applying.began = Some(self.start);
        let answers = InstalledAnswers::of(folder::read(layout)?, stems, &applying);
        applying.lock_limit = self.left(LIMIT);
        apply_request(&applying, |builder| {
            answers.decide(builder, false);
            Ok(())
        })
    }

    /// Tells what was done, and returns what was not.
    fn tell(&self, applied: &Applied) -> Vec<String> {
        let terminal = self.context.terminal;
        for warning in applied.talk.urgent.iter().cloned() {
            terminal.warning(warning);
        }
        let mut warnings = Vec::new();
        for line in &applied.lines {
            match (&line.what, line.what.failure(), &line.stem) {
                // Whoever only wanted to connect is told what is gone.
                (ClusterChange::Removed(_), ..) => {
                    terminal.warning(format_args!("{}  {}", line.cluster, line.what));
                }
                (_, Some(why), Some(stem)) => warnings.push(self.still_uses(stem, &why.in_short())),
                _ => terminal.tell(format_args!("{}  {}", line.cluster, line.what)),
            }
        }
        warnings
    }

    /// Gets a new certificate for a cluster, unless another run failed to while this one waited.
    fn renew(&self, due: &Due, began: u64) -> Option<String> {
        let state = self.state(&due.stem);
        if state.certificate_failed.is_some_and(|failed| failed >= began) {
            let why = "another connection was refused one just now";
            return Some(self.no_certificate(&due.stem, why));
        }
        let Some(record) = folder::record(&self.layout, &due.stem) else {
            // One that was removed meanwhile is none that anybody waits for.
            let is_there = self.layout.part(&due.stem, FileKind::State).exists();
            return is_there.then(|| self.fail_certificate(&due.stem, "its state cannot be read"));
        };
        let context = Context { terminal: self.context.terminal, ..self.within(due.limit()) };
        match cert::ensure(&record, state.certificate_key?, &self.layout, &context) {
            Ok(()) => {
                self.update(&due.stem, |state| state.certificate_failed = None);
                None
            }
            Err(failure) => Some(self.fail_certificate(&due.stem, &failure.in_short())),
        }
    }

    /// Notes that a certificate was asked for in vain.
    fn fail_certificate(&self, stem: &FileStem, why: &str) -> String {
        self.update(stem, |state| state.certificate_failed = Some(time::now()));
        self.no_certificate(stem, why)
    }

    fn no_certificate(&self, stem: &FileStem, why: &str) -> String {
        format!("{}: no new certificate: {why}", self.title(stem))
    }

    /// Notes what was not done when the time was over.
    fn stop(&self, due: &[Due], why: &str) -> Vec<String> {
        let undone = due.iter().filter_map(|Due { stem, hosts, certificate }| {
            if *hosts && self.state(stem).is_older(self.older, time::now()) {
                return Some(self.fail(stem, why));
            }
            (*certificate != Need::Nothing).then(|| self.fail_certificate(stem, why))
        });
        undone.collect()
    }

    /// Notes a try that failed.
    fn fail(&self, stem: &FileStem, why: &str) -> String {
        self.update(stem, |state| state.end(Some(why.to_owned()), Some(self.start.elapsed())));
        self.still_uses(stem, why)
    }

    /// Says to whoever goes on with the hosts that are there how old they are.
    fn still_uses(&self, stem: &FileStem, why: &str) -> String {
        let hosts = match self.state(stem).age(time::now()) {
            Some(age) => format!("of {} ago", time::span(age)),
            None => "that are installed".to_owned(),
        };
        format!("{}: using the hosts {hosts}: {why}", self.title(stem))
    }

    /// The name of a cluster in messages: its alias, as far as the state can be read.
    fn title(&self, stem: &FileStem) -> String {
        if stem.is_subscription() {
            return "new clusters".to_owned();
        }
        let record = folder::record(&self.layout, stem);
        record.map_or_else(|| stem.parts().0.to_owned(), |record| record.alias())
    }
}

/// Says why work did not come to its end.
fn late(error: &io::Error, limit: Duration) -> String {
    match error.kind() {
        ErrorKind::TimedOut => format!("no answer within {}", time::span(limit)),
        _ => error.to_string(),
    }
}
