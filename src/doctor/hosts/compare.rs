//! A name as our files have it and as ssh resolves it, and how the two differ.

use std::path::Path;

use crate::doctor::finding::quoted;
use crate::install::fragment::{Host, Options};
use crate::install::reader::matches;
use crate::ssh::query::jump_hosts;

/// Parses the output of `ssh -G`.
pub(super) fn parse(text: &str, home: &Path) -> Options {
    let mut values = Options::new();
    for line in text.lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        let keyword = keyword.to_ascii_lowercase();
        let value = normalized(&keyword, value, home);
        values.entry(keyword).or_default().push(value);
    }
    values
}

/// The options of a host in our file: its own lines come first, and keys add up.
pub(super) fn expected(host: &Host, shared: &Options, home: &Path) -> Options {
    let mut values = Options::new();
    for (keyword, lines) in host.own.iter().chain(shared) {
        let adds_up = ACCUMULATING.iter().any(|name| name.eq_ignore_ascii_case(keyword));
        let known = values.entry(keyword.clone()).or_default();
        if known.is_empty() || adds_up {
            known.extend(lines.iter().map(|value| normalized(keyword, value, home)));
        }
    }
    values
}

/// Every value of a keyword.
fn all<'o>(options: &'o Options, keyword: &str) -> &'o [String] {
    options.get(keyword).map_or(&[], Vec::as_slice)
}

/// The first value of a keyword.
fn first<'o>(options: &'o Options, keyword: &str) -> Option<&'o str> {
    all(options, keyword).first().map(String::as_str)
}

/// The value of a keyword that turns something on.
pub(super) fn active<'o>(options: &'o Options, keyword: &str) -> Option<&'o str> {
    first(options, keyword).filter(|value| !matches!(*value, "" | "no" | "none"))
}

/// A value in one of the forms that mean the same: some releases of ssh print `true` for `yes`, and
/// the home folder for `~`.
fn normalized(keyword: &str, value: &str, home: &Path) -> String {
    match keyword {
        "identityfile" | "certificatefile" | "userknownhostsfile" | "controlpath" => {
            match value.strip_prefix("~/") {
                Some(below) => home.join(below).to_string_lossy().into_owned(),
                None => value.to_owned(),
            }
        }
        "proxyjump" if value.eq_ignore_ascii_case("none") => String::new(),
        "proxyjump" => jump_hosts(value),
        _ => match value.to_ascii_lowercase().as_str() {
            "true" => "yes".to_owned(),
            "false" | "off" => "no".to_owned(),
            _ => value.to_owned(),
        },
    }
}

/// An option that is not as our file says, or of which it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deviation {
    /// True if our file says nothing of it.
    pub(super) is_addition: bool,
    /// The keyword of the line that is in the way.
    pub(super) keyword: &'static str,
    /// The value in ssh's answer; empty where there is none, or where it differs from host to host.
    pub(super) actual: String,
    /// The same in words.
    pub(super) what: String,
}

/// Keywords that decide which machine is reached, as which user, and what vouches for it, as the
/// manual writes them. The others are a matter of taste.
const COMPARED: [&str; 11] = [
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
/// Keywords of which ssh keeps every value.
const ACCUMULATING: [&str; 2] = ["IdentityFile", "CertificateFile"];
/// Keywords with a value of their own for each host, which would make each a finding of its own.
const PER_HOST: [&str; 3] = ["HostName", "HostKeyAlias", "ProxyJump"];
const CONTROL_PATH: &str = "ControlPath";

/// Returns the options of a name that are not as our file says.
pub(super) fn differences(alias: &str, expected: &Options, actual: &Options) -> Vec<Deviation> {
    let mut found = Vec::new();
    for name in COMPARED {
        let mut add = |keyword, actual: &str, what: String| {
            let (actual, what) = (actual.to_owned(), format!("{name} {what}"));
            found.push(Deviation { is_addition: false, keyword, actual, what });
        };
        let keyword = name.to_ascii_lowercase();
        if ACCUMULATING.contains(&name) {
            let present = all(actual, &keyword);
            for value in all(expected, &keyword).iter().filter(|value| !present.contains(value)) {
                add(name, "", format!("{} is missing", quoted(value)));
            }
            continue;
        }
        let Some(wanted) = first(expected, &keyword).filter(|value| !value.is_empty()) else {
            continue;
        };
        // Without a path for sockets ssh prints none.
        let absent = if name == CONTROL_PATH { "none" } else { "" };
        let there = first(actual, &keyword).unwrap_or(absent);
        if name == CONTROL_PATH {
            if control_path(wanted, alias, actual).is_some_and(|path| path != there) {
                let what = "is not ours, so a shared connection may lead to another machine";
                add(name, "", what.to_owned());
            }
            continue;
        }
        match active(actual, "proxycommand").filter(|_| name == "ProxyJump") {
            _ if wanted == there => {}
            Some(command) => {
                add(
                    "ProxyCommand",
                    command,
                    format!("is ProxyCommand {}, not ours", quoted(command)),
                );
            }
            None if there.is_empty() => add(name, "", "is missing".to_owned()),
            None => {
                let is_per_host = PER_HOST.contains(&name);
                let ours = if is_per_host { "ours".to_owned() } else { quoted(wanted) };
                add(name, there, format!("is {}, not {ours}", quoted(there)));
            }
        }
    }
    found
}

/// The path of the socket for a host, as far as our file says it.
pub(super) fn socket(alias: &str, expected: &Options) -> Option<String> {
    control_path(active(expected, "controlpath")?, alias, expected)
}

/// A `ControlPath` with its tokens expanded; `None` where it has others than these.
fn control_path(path: &str, alias: &str, actual: &Options) -> Option<String> {
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
            'h' => first(actual, "hostname")?,
            'k' => first(actual, "hostkeyalias")?,
            'p' => first(actual, "port")?,
            'r' => first(actual, "user")?,
            _ => return None,
        });
    }
    Some(expanded)
}

/// Returns what ssh does beyond what our file says.
pub(super) fn additions(expected: &Options, actual: &Options) -> Vec<Deviation> {
    // Where our file has a jump host, another one is a difference.
    let jumps = active(expected, "proxyjump").is_some();
    let is_new = |keyword: &str| match keyword {
        "proxyjump" | "proxycommand" if jumps => false,
        "localcommand" if active(actual, "permitlocalcommand").is_none() => false,
        _ => active(expected, keyword).is_none(),
    };
    let keywords = ["forwardagent", "forwardx11", "proxyjump", "proxycommand", "localcommand"];
    let new = keywords.into_iter().filter(|keyword| is_new(keyword));
    let new = new.filter_map(|keyword| Some(addition(keyword, active(actual, keyword)?)));
    let has_token = |patterns: &&String| {
        patterns.split(' ').any(|pattern| matches(pattern, "PRIME_API_KEY"))
            && !all(expected, "sendenv").contains(patterns)
    };
    let sent = all(actual, "sendenv").iter().filter(has_token);
    new.chain(sent.map(|value| addition("sendenv", value))).collect()
}

fn addition(keyword: &'static str, actual: &str) -> Deviation {
    let value = quoted(actual);
    let what = match keyword {
        "forwardagent" => format!(
            "gets your agent (ForwardAgent {value}): root there can log in as you elsewhere"
        ),
        "forwardx11" => {
            "gets your display (ForwardX11 yes): root there can watch it and type in it".to_owned()
        }
        "sendenv" => format!("is sent your API token (SendEnv {value})"),
        "proxyjump" => format!("is reached through {value}, as your own configuration says"),
        "proxycommand" => format!("is reached by `{value}`, as your own configuration says"),
        _ => format!("makes ssh run `{value}` here"),
    };
    Deviation { is_addition: true, keyword, actual: actual.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::fragment::Fragment;

    const OURS: &str = "Host prime.a.b\n HostName 10.0.0.1\n User ubuntu\n Port 22\n ProxyJump prime.a\n\
        IdentityFile ~/.ssh/key\n ControlPath ~/s/%r@prime-1\nHost prime.a.*\n HostName %h.invalid.\n\
        StrictHostKeyChecking accept-new\n ForwardAgent no\n SendEnv LANG\n";
    const ACTUAL: &str = "user ubuntu\nhostname 10.0.0.1\nport 22\nproxyjump prime.a\n\
        identityfile ~/.ssh/key\nforwardagent no\ncontrolpath /home/me/s/ubuntu@prime-1\n\
        stricthostkeychecking accept-new\nsendenv LANG\n";

    /// The differences and the additions where ssh's answer has these changes.
    fn compared(change: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let home = Path::new("/home/me");
        let mut text = ACTUAL.to_owned();
        for (from, to) in change {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let fragment = Fragment::parse(OURS.as_bytes());
        let expected = expected(&fragment.hosts[0], &fragment.shared, home);
        let actual = parse(&text, home);
        let differences = differences("prime.a.b", &expected, &actual);
        let additions = additions(&expected, &actual);
        (
            differences.into_iter().map(|difference| difference.what).collect(),
            additions.into_iter().map(|addition| addition.what).collect(),
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
    fn each_line_that_wins_over_ours_is_a_difference() {
        for (change, difference) in [
            (("user ubuntu\n", "user me\n"), "User is me, not ubuntu"),
            (("10.0.0.1", "evil"), "HostName is evil, not ours"),
            (
                ("/home/me/s/ubuntu@prime-1", "/s/%C"),
                "ControlPath is not ours, so a shared connection may lead to another machine",
            ),
            (("accept-new", "false"), "StrictHostKeyChecking is no, not accept-new"),
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
}
