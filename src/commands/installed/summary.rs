//! The summary of a run, a line a cluster.

use std::fmt;

use crate::failure::{Failure, Kind, Outcome};
use crate::install::state::{FileStem, Record};
use crate::terminal::Terminal;
use crate::text::message::counted;
use crate::text::sanitize;

/// One cluster, and what becomes of it.
#[derive(Debug)]
pub(in crate::commands) struct Line {
    /// Its alias, or what else it is known by.
    pub(in crate::commands) cluster: String,
    pub(in crate::commands) what: ClusterChange,
    /// The cluster's files, where it has any.
    pub(in crate::commands) stem: Option<FileStem>,
}

impl Line {
    /// A cluster that is left as it is for this reason; `new` is what it is known by, where it is
    /// not installed.
    pub(in crate::commands) fn failed(
        old: Option<&Record>,
        new: String,
        stem: Option<FileStem>,
        why: Failure,
    ) -> Self {
        match old {
            Some(old) => Self { cluster: old.alias(), what: ClusterChange::Left(why), stem },
            None => Self { cluster: new, what: ClusterChange::NotInstalled(why), stem },
        }
    }
}

/// The change of a cluster.
#[derive(Debug)]
pub(in crate::commands) enum ClusterChange {
    /// It is new, and has this many hosts.
    Added(usize),
    /// It has another alias, and maybe other hosts.
    Renamed {
        /// The alias before.
        from: String,
        hosts: usize,
    },
    /// Its hosts or options are others.
    Changed(String),
    /// All is as it was, with this many hosts.
    Unchanged(usize),
    /// It is gone, and why.
    Removed(String),
    /// It could not be brought up to date.
    Left(Failure),
    /// It is new, and has no host yet, or could not be installed.
    NotInstalled(Failure),
}

impl ClusterChange {
    /// The reason that the cluster was left as it is.
    pub(in crate::commands) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Left(failure) | Self::NotInstalled(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns whether anything changes.
    fn is_change(&self) -> bool {
        self.failure().is_none() && !matches!(self, Self::Unchanged(_))
    }
}

impl fmt::Display for ClusterChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = |count: &usize| counted(*count, "host");
        match self {
            Self::Added(count) => write!(f, "added: {}", hosts(count)),
            Self::Renamed { from, hosts: count } => {
                write!(f, "renamed from {from}: {}", hosts(count))
            }
            Self::Changed(difference) => write!(f, "changed: {difference}"),
            Self::Unchanged(count) => write!(f, "unchanged: {}", hosts(count)),
            Self::Removed(why) => write!(f, "removed{why}"),
            Self::Left(_) => f.write_str("left as it is"),
            Self::NotInstalled(_) => f.write_str("not installed"),
        }
    }
}

/// The widest column of clusters. An id from the API may be longer than any width can be.
const WIDTH: usize = 80;

/// Tells a line a cluster.
pub(super) fn tell(lines: &[Line], would: bool, terminal: Terminal) {
    let width = lines.iter().map(|line| line.cluster.len()).max().unwrap_or_default().min(WIDTH);
    for Line { cluster, what, .. } in lines {
        let cluster = sanitize::name(cluster);
        let would = if would && what.is_change() { "would be " } else { "" };
        terminal.tell(format_args!("{cluster:width$}  {would}{what}"));
    }
}

/// Tells why clusters were left as they are. The run fails with the worst of it.
pub(super) fn tell_failures(lines: &[Line], terminal: Terminal) -> Outcome<()> {
    let total = lines.len();
    let failures: Vec<&Failure> = lines.iter().filter_map(|line| line.what.failure()).collect();
    if let ([_], [failure]) = (lines, failures.as_slice()) {
        return Err((*failure).clone());
    }
    let Some(worst) = failures.iter().map(|failure| failure.kind).max() else { return Ok(()) };
    for failure in &failures {
        terminal.failure(failure);
    }
    let count = failures.len();
    let message = match count {
        1 => format!("1 of {total} clusters was left as it was"),
        _ => format!("{count} of {total} clusters were left as they were"),
    };
    Err(Failure::message(worst.min(Kind::Hosts), message))
}
