//! What ssh makes of the installed names, against what it should: ssh itself is asked for both.
//!
//! A configuration of many hosts takes a while to read, so names of one kind are asked for once.

mod compare;
mod sample;
mod shadow;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use compare::{Added, Difference, Resolved};
use sample::Name;
use shadow::{Place, Search};

use super::disk::{Cluster, Disk};
use super::{Check, Finding, Ourselves, State, quoted};
use crate::ssh::process::Ended;
use crate::ssh::query;

/// How many are asked for at once.
const AT_ONCE: usize = 3;
/// How long all of it may take, but for what has begun.
const LIMIT: Duration = Duration::from_secs(20);

/// Asks ssh for the names, and tells where something stands between them and us.
#[must_use]
pub fn examine(disk: &Disk, ourselves: &Ourselves) -> Vec<Finding> {
    if disk.clusters().is_empty() {
        return Vec::new();
    }
    let asking = Asking { disk };
    if let Some(finding) = asking.stops() {
        return vec![finding];
    }
    let names = sample::choose(disk.clusters(), &asking.patterns());
    let all = disk.clusters().iter().map(|cluster| cluster.outline.names().count()).sum::<usize>();
    let answers = asking.all(&names);
    let looked_at = answers.len();
    let mut told = Told::default();
    for (name, answer) in answers {
        match answer {
            Ok((should, is)) => told.compare(disk, name, &should, &is),
            Err(silence) => told.findings.push(silence.finding),
        }
    }
    let mut findings = told.findings(disk, ourselves);
    let of = format!("{looked_at} of {all} names looked at");
    if looked_at < names.len() {
        let what = format!("{of}, and then the time was over");
        findings.push(Finding::note(Check::Hosts, what));
    } else if findings.iter().all(|finding| finding.state <= State::Note) {
        let what = format!("ssh makes of them what it should ({of})");
        findings.insert(0, Finding::ok(Check::Hosts, what));
    } else {
        findings.push(Finding::note(Check::Hosts, of));
    }
    findings
}

/// What ssh should make of a name, and what it makes; or why that is not known.
type Answer = Result<(Resolved, Resolved), Box<Silence>>;

/// Why ssh says nothing of a name.
struct Silence {
    finding: Finding,
    /// It gave no answer in time: what hangs for one name hangs for the others too.
    hangs: bool,
}

/// The ssh of this machine, with the configurations of this disk.
struct Asking<'d> {
    disk: &'d Disk,
}

impl<'d> Asking<'d> {
    /// The configuration that ssh is to read; none for the one that it reads by itself.
    fn config(&self) -> Option<PathBuf> {
        let layout = &self.disk.layout;
        (!layout.is_read_by_ssh()).then(|| layout.config())
    }

    /// Why ssh does nothing at all with this configuration.
    fn stops(&self) -> Option<Finding> {
        let ended = query::ask(self.config().as_deref(), &[], query::UNRELATED);
        self.resolved(ended, query::UNRELATED).err().map(|silence| silence.finding)
    }

    /// The patterns of the user's own blocks, which may catch some of our names and others not.
    fn patterns(&self) -> Vec<String> {
        let mut patterns = Vec::new();
        self.disk.walk(&mut |line| {
            patterns.extend(line.directive.host_patterns());
            true
        });
        patterns.sort();
        patterns.dedup();
        patterns
    }

    /// The answers for these names, as far as there is time for them, in their order.
    fn all<'n>(&self, names: &'n [Name<'d>]) -> Vec<(&'n Name<'d>, Answer)> {
        let until = Instant::now() + LIMIT;
        let waiting = Mutex::new(names.iter().enumerate().collect::<VecDeque<_>>());
        let next = || waiting.lock().ok()?.pop_front().filter(|_| Instant::now() < until);
        let work = || {
            let mut answers = Vec::new();
            while let Some((at, name)) = next() {
                let answer = self.one(name);
                let hangs = answer.as_ref().is_err_and(|silence| silence.hangs);
                answers.push((at, name, answer));
                if hangs && let Ok(mut waiting) = waiting.lock() {
                    waiting.clear();
                }
            }
            answers
        };
        let mut answers: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            let joined = workers.into_iter().map(|worker| match worker.join() {
                Ok(answers) => answers,
                Err(panicked) => std::panic::resume_unwind(panicked),
            });
            joined.flatten().collect()
        });
        answers.sort_by_key(|(at, ..)| *at);
        answers.into_iter().map(|(_, name, answer)| (name, answer)).collect()
    }

    fn one(&self, name: &Name<'_>) -> Answer {
        let should = query::ask(Some(&name.cluster.fragment), &[], name.alias);
        let should = self.resolved(should, name.alias)?;
        let is = query::ask(self.config().as_deref(), &[], name.alias);
        Ok((should, self.resolved(is, name.alias)?))
    }

    fn resolved(&self, ended: io::Result<Ended>, name: &str) -> Result<Resolved, Box<Silence>> {
        let (finding, hangs) = match ended {
            Ok(ended) if ended.succeeded() => return Ok(Resolved::of(&ended.stdout)),
            Ok(Ended { status: None, .. }) => (self.hangs(name), true),
            Ok(ended) => (self.refuses(&ended.stderr, name), false),
            Err(error) => {
                let what = format_args!("cannot run ssh: {error}");
                (Finding::wrong(Check::Hosts, what), false)
            }
        };
        Err(Box::new(Silence { finding, hangs }))
    }

    fn hangs(&self, name: &str) -> Finding {
        let what = format_args!("ssh gives no answer in time for {name}");
        let finding = Finding::wrong(Check::Hosts, what).advise(format_args!(
            "a command of your configuration may hang: {} shows which",
            self.verbose(name)
        ));
        match shadow::first_command(self.disk) {
            Some((file, line)) => finding.at_line(&file, line),
            None => finding,
        }
    }

    fn refuses(&self, words: &str, name: &str) -> Finding {
        let said = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let what = format!("ssh stops at your configuration: {}", quoted(said));
        let finding = Finding::wrong(Check::Hosts, what);
        let ours = self.disk.layout.folder().display().to_string();
        if said.contains(&ours) {
            return finding.advise("`prime-ssh sync` writes our files anew");
        }
        finding.advise(format_args!("mend that: {} says the same", self.verbose(name)))
    }

    /// The command by which ssh itself tells what applies.
    fn verbose(&self, name: &str) -> Verbose {
        Verbose { config: self.config(), name: name.to_owned() }
    }
}

/// `ssh -vG NAME`, in backquotes.
struct Verbose {
    config: Option<PathBuf>,
    name: String,
}

impl std::fmt::Display for Verbose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let config = self.config.iter().flat_map(|path| ["-F".as_ref(), path.as_os_str()]);
        let words = ["ssh".as_ref(), "-vG".as_ref()].into_iter().chain(config);
        write!(f, "`{}`", crate::text::shell::command(words.chain([self.name.as_ref()])))
    }
}

/// What was found, each once with the names that it is about.
#[derive(Default)]
struct Told {
    findings: Vec<Finding>,
    differences: BTreeMap<(Difference, Option<Place>), Vec<String>>,
    added: BTreeMap<(Added, Option<Place>), Vec<Cluster>>,
}

impl Told {
    fn compare(&mut self, disk: &Disk, name: &Name<'_>, should: &Resolved, is: &Resolved) {
        let search = Search { disk, alias: name.alias, is };
        for difference in compare::differences(&name.keywords(), should, is) {
            let place = search.before_us(difference.keyword_of_theirs(), &difference.is);
            let differences = self.differences.entry((difference, place)).or_default();
            differences.push(name.alias.to_owned());
        }
        for added in compare::added(should, is) {
            let place = search.anywhere(added.keyword(), added.value());
            let clusters = self.added.entry((added, place)).or_default();
            if clusters.iter().all(|cluster| cluster.record.id != name.cluster.record.id) {
                clusters.push(name.cluster.clone());
            }
        }
    }

    fn findings(self, disk: &Disk, ourselves: &Ourselves) -> Vec<Finding> {
        let mut findings = self.findings;
        for ((difference, place), names) in self.differences {
            findings.push(of_difference(&difference, place.as_ref(), &names, &Asking { disk }));
        }
        for ((added, place), clusters) in self.added {
            findings.push(of_added(&added, place.as_ref(), &clusters, ourselves));
        }
        findings
    }
}

fn of_difference(
    difference: &Difference,
    place: Option<&Place>,
    names: &[String],
    asking: &Asking<'_>,
) -> Finding {
    let what = format!("{difference} for {}", some_of(names));
    let is_meant = place.is_some_and(|place| place.is_about_us);
    let finding = match (difference.is_serious(), is_meant) {
        (true, false) => Finding::wrong(Check::Hosts, what),
        (true, true) => Finding::warning(Check::Hosts, what),
        (false, _) => Finding::note(Check::Hosts, what),
    };
    let first = names.first().map(String::as_str).unwrap_or_default();
    match place {
        Some(Place { file, line, is_about_us: true }) => finding
            .at_line(file, *line)
            .advise("your own line for this name counts; remove it, if it is not meant"),
        Some(Place { file, line, .. }) => finding
            .at_line(file, *line)
            .advise("this line comes before ours: move it below the Include of our files"),
        None => finding.advise(format_args!("{} shows which lines count", asking.verbose(first))),
    }
}

fn of_added(
    added: &Added,
    place: Option<&Place>,
    clusters: &[Cluster],
    ourselves: &Ourselves,
) -> Finding {
    let aliases: Vec<String> = clusters.iter().map(Cluster::alias).collect();
    let what = format!("{} {added}", some_of(&aliases));
    let mut finding = if added.is_dangerous() {
        Finding::warning(Check::Hosts, what)
    } else {
        Finding::note(Check::Hosts, what)
    };
    if let Some(place) = place {
        finding = finding.at_line(&place.file, place.line);
    }
    let Some(option) = added.turned_off() else {
        return match added.advice() {
            Some(advice) => finding.advise(advice),
            None => finding,
        };
    };
    let commands: Option<Vec<String>> = clusters
        .iter()
        .map(|cluster| ourselves.installing(&cluster.record, option))
        .map(|words| words.map(crate::text::shell::command))
        .collect();
    finding.command = commands.map(|commands| commands.join(" && "));
    finding
}

/// The first names, and how many more.
fn some_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}
