//! Snapshots of what the program says, without what differs from run to run.

use std::fmt::{self, Display, Write as _};
use std::sync::LazyLock;

use insta::Settings;

use super::authority::me;
use super::process;

/// Compares a text with its snapshot: a file below `snapshots/`, or the text behind `@`, which one
/// test may compare with more than once.
macro_rules! snapshot {
    ($text:expr) => {
        $crate::support::snapshot::SETTINGS.bind(|| insta::assert_snapshot!($text))
    };
    ($text:expr, @$inline:literal) => {
        $crate::support::snapshot::SETTINGS.bind(|| {
            insta::allow_duplicates! { insta::assert_snapshot!($text, @$inline) }
        })
    };
}

/// What differs from run to run, from machine to machine or from day to day.
const FILTERS: [(&str, &str); 14] = [
    (r"/tmp/prime-ssh-test-\w{6}", "[home]"),
    (r"\.tmp\w{6}", "[temporary]"),
    (r"\.conf\.[0-9a-f]{8}\.bak\b", ".conf.[digest].bak"),
    (r"prime-ssh[ /]\d+\.\d+\.\d+", "prime-ssh [version]"),
    (r"OpenSSH_[\w.]+", "OpenSSH_[version]"),
    (r"(127\.\d+\.\d+\.\d+|localhost):\d{5}\b", "$1:[port]"),
    (r"\bport \d{5}\b", "port [port]"),
    (r"SHA256:[\w+/]{43}", "SHA256:[key]"),
    (r"\b\d+(\.\d+)? (ms|µs)\b", "[ms]"),
    (r"\bpid \d+", "pid [pid]"),
    (r"(until|from) [^()\n]{1,40} \(", "$1 [time] ("),
    (r"\bvalid for \d+ h( \d+ min)?", "valid for [time]"),
    (r"\b\d+ min from now", "[time] from now"),
    (r"\bin \d+ (h \d+ )?min( \d+ s)?", "in [time]"),
];

pub static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let mut settings = Settings::new();
    settings.set_omit_expression(true);
    for (varies, shown) in FILTERS {
        settings.add_filter(varies, shown);
    }
    let own_home = process::own_home();
    settings.add_filter(&format!(r"{}\b", own_home.display()), "[own home]");
    let me = me();
    settings.add_filter(&format!(r"\b(log in as|as user) {me}\b"), "$1 [me]");
    settings.add_filter(&format!(r"\b{me}@"), "[me]@");
    settings
});

/// The errors of a run, without what it told of its progress, which goes as fast as it goes.
pub fn errors(told: &str) -> &str {
    told.find("error: ").map_or("", |at| &told[at..])
}

/// What several runs say, one below the other, for one snapshot.
#[derive(Default)]
pub struct Transcript(String);

impl Transcript {
    /// Adds a text, or a [`Ran`](super::process::Ran) with all that it said.
    pub fn add(&mut self, title: impl Display, said: impl Display) {
        let title = format!("--- {title}");
        writeln!(self.0, "{}\n{said}", title.trim_end()).unwrap();
    }
}

impl Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
