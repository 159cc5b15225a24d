//! A name as our files have it and as ssh resolves it, and how the two differ.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::doctor::finding::quoted;
use crate::install::fragment::{Host, Options};
use crate::install::reader::matches;

/// The options of a name: keywords in lower case, each with its values in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved(BTreeMap<String, Vec<String>>);

impl Resolved {
    /// Parses the output of `ssh -G`.
    pub(super) fn parse(text: &str, home: &Path) -> Self {
        let mut values = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            let keyword = keyword.to_ascii_lowercase();
            let value = normalized(&keyword, value, home);
            values.entry(keyword).or_default().push(value);
        }
        Self(values)
    }

    /// The options of a host in our file: its own lines come first, and keys add up.
    pub(super) fn expected(host: &Host, shared: &Options, home: &Path) -> Self {
        let mut values = BTreeMap::<String, Vec<_>>::new();
        for (keyword, lines) in host.own.iter().chain(shared) {
            let adds_up = ACCUMULATING.iter().any(|name| name.eq_ignore_ascii_case(keyword));
            let known = values.entry(keyword.clone()).or_default();
            if known.is_empty() || adds_up {
                known.extend(lines.iter().map(|value| normalized(keyword, value, home)));
            }
        }
        Self(values)
    }

    /// Every value of a keyword.
    fn all(&self, keyword: &str) -> &[String] {
        self.0.get(keyword).map_or(&[], Vec::as_slice)
    }

    /// The first value of a keyword.
    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).first().map(String::as_str)
    }

    /// The value of a keyword that turns something on.
    pub(super) fn active(&self, keyword: &str) -> Option<&str> {
        self.get(keyword).filter(|value| !matches!(*value, "" | "no" | "none"))
    }
}

/// A value in one of the forms that mean the same: some releases of ssh print `true` for `yes`,
/// seconds for minutes, and the home folder for `~`.
fn normalized(keyword: &str, value: &str, home: &Path) -> String {
    match keyword {
        "identityfile" | "certificatefile" | "userknownhostsfile" | "controlpath" => {
            match value.strip_prefix("~/") {
                Some(below) => home.join(below).to_string_lossy().into_owned(),
                None => value.to_owned(),
            }
        }
        "connecttimeout" | "serveraliveinterval" => {
            seconds(value).map_or_else(|| value.to_owned(), |seconds| seconds.to_string())
        }
        "proxyjump" if value.eq_ignore_ascii_case("none") => String::new(),
        "proxyjump" => value.split(',').map(hop).collect::<Vec<_>>().join(","),
        _ => match value.to_ascii_lowercase().as_str() {
            "true" => "yes".to_owned(),
            "false" | "off" => "no".to_owned(),
            _ => value.to_owned(),
        },
    }
}

/// A jump host; `ssh -G` puts every address into brackets, which only an IPv6 address needs.
fn hop(text: &str) -> Cow<'_, str> {
    let parts = text.split_once(']').and_then(|(start, port)| Some((start.split_once('[')?, port)));
    match parts {
        Some(((user, host), port)) if !host.contains(':') => format!("{user}{host}{port}").into(),
        _ => text.into(),
    }
}

/// A time as `sshd_config(5)` has it under TIME FORMATS: `90`, `2m`, `1h30m`.
fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let mut letters = after.chars();
        let unit = match letters.next().map(|c| c.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 24 * 3600,
            Some('w') => 7 * 24 * 3600,
            Some(_) => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = letters.as_str();
    }
    (!text.is_empty()).then_some(total)
}

/// An option that is not as our file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    keyword: &'static str,
    /// The value in ssh's answer; empty where there is none.
    pub(super) actual: String,
    /// The value in our file, where all hosts of this kind have the same.
    expected: Option<String>,
}

/// Keywords that decide which machine is reached, as which user, and what vouches for it, as the
/// manual writes them.
const SERIOUS: [&str; 11] = [
    "HostName",
    "User",
    "Port",
    "HostKeyAlias",
    "ProxyJump",
    "StrictHostKeyChecking",
    "UserKnownHostsFile",
    "IdentityFile",
    "IdentitiesOnly",
    "CertificateFile",
    CONTROL_PATH,
];
/// Other keywords in our files.
const MINOR: [&str; 2] = ["ServerAliveInterval", "ConnectTimeout"];
/// Keywords of which ssh keeps every value.
const ACCUMULATING: [&str; 2] = ["IdentityFile", "CertificateFile"];
/// Keywords with a value of their own for each host, which would make each a finding of its own.
const PER_HOST: [&str; 4] = ["HostName", "HostKeyAlias", "ProxyJump", CONTROL_PATH];
const CONTROL_PATH: &str = "ControlPath";
const PROXY_COMMAND: &str = "ProxyCommand ";

impl Difference {
    /// Returns whether another machine may be reached, or trusted.
    pub(super) fn is_serious(&self) -> bool {
        SERIOUS.contains(&self.keyword)
    }

    /// The keyword of the line that is in the way.
    pub(super) fn their_keyword(&self) -> &'static str {
        if self.keyword == "ProxyJump" && self.actual.starts_with(PROXY_COMMAND) {
            "proxycommand"
        } else {
            self.keyword
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keyword, actual, expected } = self;
        match expected {
            _ if *keyword == CONTROL_PATH => write!(
                f,
                "{keyword} is not ours, so a shared connection may lead to another machine"
            ),
            Some(expected) if ACCUMULATING.contains(keyword) => {
                write!(f, "{keyword} {} is missing", quoted(expected))
            }
            _ if actual.is_empty() => write!(f, "{keyword} is missing"),
            Some(expected) => {
                write!(f, "{keyword} is {}, not {}", quoted(actual), quoted(expected))
            }
            None => write!(f, "{keyword} is {}, not ours", quoted(actual)),
        }
    }
}

/// Returns the options of a name that are not as our file says.
pub(super) fn differences(alias: &str, expected: &Resolved, actual: &Resolved) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    for &keyword in SERIOUS.iter().chain(&MINOR) {
        let name = keyword.to_ascii_lowercase();
        if ACCUMULATING.contains(&keyword) {
            let present = actual.all(&name);
            let missing = expected.all(&name).iter().filter(|value| !present.contains(value));
            found.extend(missing.map(|value| Difference {
                keyword,
                actual: String::new(),
                expected: Some(value.clone()),
            }));
            continue;
        }
        let Some(wanted) = expected.get(&name).filter(|value| !value.is_empty()) else { continue };
        // Without a path for sockets ssh prints none.
        let absent = if keyword == CONTROL_PATH { "none" } else { "" };
        let there = actual.get(&name).unwrap_or(absent);
        let is_same = if keyword == CONTROL_PATH {
            control_path(wanted, alias, actual).is_none_or(|path| path == there)
        } else {
            wanted == there
        };
        if is_same {
            continue;
        }
        let there = match actual.active("proxycommand") {
            Some(command) if keyword == "ProxyJump" => format!("{PROXY_COMMAND}{command}"),
            // It holds what differs from host to host.
            _ if keyword == CONTROL_PATH => String::new(),
            _ => there.to_owned(),
        };
        let wanted = (!PER_HOST.contains(&keyword)).then(|| wanted.to_owned());
        found.push(Difference { keyword, actual: there, expected: wanted });
    }
    found
}

/// The path of the socket for a host, as far as our file says it.
pub(super) fn socket(alias: &str, expected: &Resolved) -> Option<String> {
    control_path(expected.active("controlpath")?, alias, expected)
}

/// A `ControlPath` with its tokens expanded; `None` where it has others than these.
fn control_path(path: &str, alias: &str, actual: &Resolved) -> Option<String> {
    let mut expanded = String::new();
    let mut characters = path.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        expanded.push_str(match characters.next()? {
            '%' => "%",
            'n' => alias,
            'h' => actual.get("hostname")?,
            'k' => actual.get("hostkeyalias")?,
            'p' => actual.get("port")?,
            'r' => actual.get("user")?,
            _ => return None,
        });
    }
    Some(expanded)
}

/// Something that the user's configuration adds to our file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Addition {
    /// In lower case.
    pub(super) keyword: &'static str,
    pub(super) value: String,
}

impl Addition {
    /// Returns whether somebody on the host could exploit it: an agent, a display, the API token.
    pub(super) fn is_dangerous(&self) -> bool {
        matches!(self.keyword, "forwardagent" | "forwardx11" | "sendenv")
    }

    /// Returns the option of ssh that turns it off for a cluster.
    pub(super) fn turned_off(&self) -> Option<&'static str> {
        match self.keyword {
            "forwardagent" => Some("ForwardAgent=no"),
            "forwardx11" => Some("ForwardX11=no"),
            _ => None,
        }
    }
}

impl fmt::Display for Addition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = quoted(&self.value);
        match self.keyword {
            "forwardagent" => write!(
                f,
                "gets your agent (ForwardAgent {value}): root there can log in as you elsewhere"
            ),
            "forwardx11" => f.write_str(
                "gets your display (ForwardX11 yes): root there can watch it and type in it",
            ),
            "sendenv" => write!(f, "is sent your API token (SendEnv {value})"),
            "proxyjump" => {
                write!(f, "is reached through {value}, as your own configuration says")
            }
            "proxycommand" => {
                write!(f, "is reached by `{value}`, as your own configuration says")
            }
            _ => write!(f, "makes ssh run `{value}` here"),
        }
    }
}

/// Returns what ssh does beyond what our file says.
pub(super) fn additions(expected: &Resolved, actual: &Resolved) -> Vec<Addition> {
    // Where our file has a jump host, another one is a difference.
    let jumps = expected.active("proxyjump").is_some();
    let is_new = |keyword: &str| match keyword {
        "proxyjump" | "proxycommand" if jumps => false,
        "localcommand" if actual.active("permitlocalcommand").is_none() => false,
        _ => expected.active(keyword).is_none(),
    };
    let keywords = ["forwardagent", "forwardx11", "proxyjump", "proxycommand", "localcommand"];
    let new = keywords.into_iter().filter(|keyword| is_new(keyword)).filter_map(|keyword| {
        Some(Addition { keyword, value: actual.active(keyword)?.to_owned() })
    });
    let has_token = |patterns: &&String| {
        patterns.split(' ').any(|pattern| matches(pattern, "PRIME_API_KEY"))
            && !expected.all("sendenv").contains(patterns)
    };
    let sent = actual.all("sendenv").iter().filter(has_token);
    new.chain(sent.map(|value| Addition { keyword: "sendenv", value: value.clone() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::fragment::Fragment;

    const OURS: &str = "Host prime.a.b\n HostName 10.0.0.1\n User ubuntu\n Port 22\n ProxyJump prime.a\n\
        IdentityFile ~/.ssh/key\n ControlPath ~/s/%r@prime-1\nHost prime.a.*\n HostName %h.invalid.\n\
        StrictHostKeyChecking accept-new\n ConnectTimeout 1m\n ForwardAgent no\n SendEnv LANG\n";
    const ACTUAL: &str = "user ubuntu\nhostname 10.0.0.1\nport 22\nproxyjump prime.a\n\
        identityfile ~/.ssh/key\nforwardagent no\ncontrolpath /home/me/s/ubuntu@prime-1\n\
        stricthostkeychecking accept-new\nconnecttimeout 60\nsendenv LANG\n";

    /// The differences and the additions where ssh's answer has these changes.
    fn compared(change: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let home = Path::new("/home/me");
        let mut text = ACTUAL.to_owned();
        for (from, to) in change {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let fragment = Fragment::parse(OURS.as_bytes());
        let expected = Resolved::expected(&fragment.hosts[0], &fragment.shared, home);
        let actual = Resolved::parse(&text, home);
        let differences = differences("prime.a.b", &expected, &actual);
        let additions = additions(&expected, &actual);
        (
            differences.iter().map(ToString::to_string).collect(),
            additions.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn what_is_as_we_say_is_no_finding() {
        let none = (Vec::new(), Vec::new());
        assert_eq!(compared(&[]), none);
        // A second key, a variable without a secret, other words for the same.
        assert_eq!(compared(&[("~/.ssh/key\n", "~/.ssh/key\nidentityfile ~/.ssh/other\n")]), none);
        assert_eq!(compared(&[("~/.ssh/key", "/home/me/.ssh/key")]), none);
        assert_eq!(compared(&[("LANG", "LC_*")]), none);
    }

    #[test]
    fn a_jump_host_is_the_same_in_brackets_and_without() {
        for (text, expected) in [
            ("[203.0.113.9]", "203.0.113.9"),
            ("me@[203.0.113.9]:2200", "me@203.0.113.9:2200"),
            ("me@[fd00::1]:2200", "me@[fd00::1]:2200"),
            ("me@gate:2200", "me@gate:2200"),
        ] {
            assert_eq!(hop(text), expected);
        }
    }

    #[test]
    fn each_line_that_wins_over_ours_is_a_difference() {
        for (change, difference) in [
            (("user ubuntu\n", "user me\n"), "User is me, not ubuntu"),
            (("10.0.0.1", "evil"), "HostName is evil, not ours"),
            (
                ("/home/me/s/ubuntu@prime-1", "/s/%C"),
                "ControlPath is not ours, so a shared connection may lead to another machine",
            ),
            (("accept-new", "false"), "StrictHostKeyChecking is no, not accept-new"),
            (("connecttimeout 60", "connecttimeout 5"), "ConnectTimeout is 5, not 60"),
            (("identityfile ~/.ssh/key\n", ""), "IdentityFile /home/me/.ssh/key is missing"),
            (
                ("proxyjump prime.a", "proxycommand nc %h\u{1b}"),
                "ProxyJump is ProxyCommand nc %h\\u{1b}, not ours",
            ),
            (("proxyjump prime.a\n", ""), "ProxyJump is missing"),
        ] {
            let found = compared(&[change]).0;
            let found: Vec<_> = found
                .iter()
                .filter(|found| {
                    !found.starts_with("ControlPath") || difference.starts_with("ControlPath")
                })
                .collect();
            assert_eq!(found, [difference]);
        }
    }

    #[test]
    fn what_may_do_harm_is_an_addition() {
        let one = |change: &[(&str, &str)]| compared(change).1;
        let agent = &one(&[("forwardagent no", "forwardagent yes")])[0];
        assert!(agent.starts_with("gets your agent (ForwardAgent yes)"), "{agent}");
        assert_eq!(one(&[("LANG", "LANG P*")]), ["is sent your API token (SendEnv LANG P*)"]);
        assert_eq!(one(&[("proxyjump prime.a", "proxyjump other")]), Vec::<String>::new());
    }

    #[test]
    fn times_are_read_as_ssh_reads_them() {
        for (text, expected) in [("90", Some(90)), ("2m", Some(120)), ("1H30m5", Some(5405))] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        for text in ["", "m", "1x", "none", "99999999999999999999w"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
