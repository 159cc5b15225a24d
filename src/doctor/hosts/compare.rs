//! A name as ssh resolves it with our file alone and with all that it reads, and how the two differ.

use crate::doctor::finding::quoted;
use crate::install::fragment::{Host, Options};
use crate::install::reader::matches;

/// Every value of a keyword in an answer of `ssh -G`. For some keywords ssh prints `true` for `yes`.
pub(super) fn values<'a>(answer: &'a str, keyword: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = answer.lines().filter_map(|line| line.split_once(' '));
    lines.filter(move |(name, _)| *name == keyword).map(|(_, value)| match value {
        "true" => "yes",
        "false" => "no",
        value => value,
    })
}

/// The value of a keyword; `none` also where ssh prints nothing.
pub(super) fn value<'a>(answer: &'a str, keyword: &'a str) -> &'a str {
    values(answer, keyword).next().filter(|value| !value.is_empty()).unwrap_or("none")
}

/// The value of a keyword that turns something on.
fn active<'a>(answer: &'a str, keyword: &'a str) -> Option<&'a str> {
    Some(value(answer, keyword)).filter(|value| !matches!(*value, "no" | "none"))
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
    "ControlPath",
];
/// Keywords of which ssh keeps every value.
const ACCUMULATING: [&str; 2] = ["IdentityFile", "CertificateFile"];
/// Keywords with a value of their own for each host, which would make each a finding of its own.
const PER_HOST: [&str; 3] = ["HostName", "HostKeyAlias", "ProxyJump"];
/// Keywords of which a `ControlPath` of ours is made.
const IN_CONTROL_PATH: [&str; 4] = ["hostname", "user", "port", "hostkeyalias"];

/// Returns the options of a host that are not as our file says. `ours` is ssh's answer with that file
/// alone; of what the file does not say it has the defaults.
pub(super) fn differences(
    host: &Host,
    shared: &Options,
    ours: &str,
    actual: &str,
) -> Vec<Deviation> {
    let mut found = Vec::new();
    for name in COMPARED {
        let keyword = &*name.to_ascii_lowercase();
        if host.value(keyword, shared).is_none() {
            continue;
        }
        let mut add = |keyword, actual: &str, what: String| {
            let (actual, what) = (actual.to_owned(), format!("{name} {what}"));
            found.push(Deviation { is_addition: false, keyword, actual, what });
        };
        if ACCUMULATING.contains(&name) {
            let is_missing = |wanted: &&str| !values(actual, keyword).any(|there| there == *wanted);
            for missing in values(ours, keyword).filter(is_missing) {
                add(name, "", format!("{} is missing", quoted(missing)));
            }
            continue;
        }
        let (wanted, there) = (value(ours, keyword), value(actual, keyword));
        let command = active(actual, "proxycommand");
        match (name, command) {
            _ if wanted == there => {}
            // Another way in is an addition then.
            ("ProxyJump", _) if wanted == "none" => {}
            ("ProxyJump", Some(command)) => {
                let what = format!("is ProxyCommand {}, not ours", quoted(command));
                add("ProxyCommand", command, what);
            }
            ("ControlPath", _) => {
                let is_same = |keyword: &&str| value(ours, keyword) == value(actual, keyword);
                if IN_CONTROL_PATH.iter().all(is_same) {
                    let what = "is not ours, so a shared connection may lead to another machine";
                    add(name, "", what.to_owned());
                }
            }
            _ if there == "none" => add(name, "", "is missing".to_owned()),
            _ => {
                let is_per_host = PER_HOST.contains(&name);
                let ours = if is_per_host { "ours".to_owned() } else { quoted(wanted) };
                add(name, there, format!("is {}, not {ours}", quoted(there)));
            }
        }
    }
    found
}

/// Returns what ssh does beyond what our file says.
pub(super) fn additions(ours: &str, actual: &str) -> Vec<Deviation> {
    // Where our file has a jump host, another one is a difference.
    let jumps = active(ours, "proxyjump").is_some();
    let is_new = |keyword: &&str| match *keyword {
        "proxyjump" | "proxycommand" if jumps => false,
        "localcommand" if active(actual, "permitlocalcommand").is_none() => false,
        keyword => active(ours, keyword).is_none(),
    };
    let keywords = ["forwardagent", "forwardx11", "proxyjump", "proxycommand", "localcommand"];
    let new = keywords.into_iter().filter(is_new);
    let new = new.filter_map(|keyword| Some(addition(keyword, active(actual, keyword)?)));
    let has_token = |patterns: &&str| {
        patterns.split(' ').any(|pattern| matches(pattern, "PRIME_API_KEY"))
            && !values(ours, "sendenv").any(|known| known == *patterns)
    };
    let sent = values(actual, "sendenv").filter(has_token);
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

    const FILE: &str = "Host prime.a.b\n HostName 10.0.0.1\n User ubuntu\n Port 22\n ProxyJump prime.a\n\
        IdentityFile ~/.ssh/key\n ControlPath ~/s/%r@prime-1\nHost prime.a.*\n HostName %h.invalid.\n\
        StrictHostKeyChecking accept-new\n ForwardAgent no\n SendEnv LANG\n";
    const OURS: &str = "user ubuntu\nhostname 10.0.0.1\nport 22\nproxyjump prime.a\n\
        identityfile ~/.ssh/key\nforwardagent no\ncontrolpath /home/me/s/ubuntu@prime-1\n\
        stricthostkeychecking accept-new\nsendenv LANG\n";

    /// The differences and the additions where ssh's answer has these changes.
    fn compared(change: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut actual = OURS.to_owned();
        for (from, to) in change {
            assert!(actual.contains(from), "{from}");
            actual = actual.replace(from, to);
        }
        let fragment = Fragment::parse(FILE.as_bytes());
        let differences = differences(&fragment.hosts[0], &fragment.shared, OURS, &actual);
        let additions = additions(OURS, &actual);
        (
            differences.into_iter().map(|difference| difference.what).collect(),
            additions.into_iter().map(|addition| addition.what).collect(),
        )
    }

    #[test]
    fn what_is_as_we_say_is_no_finding() {
        let none = (Vec::new(), Vec::new());
        assert_eq!(compared(&[]), none);
        // A second key, a variable without a secret.
        assert_eq!(compared(&[("~/.ssh/key\n", "~/.ssh/key\nidentityfile ~/.ssh/other\n")]), none);
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
            (("identityfile ~/.ssh/key\n", ""), "IdentityFile ~/.ssh/key is missing"),
            (
                ("proxyjump prime.a", "proxycommand nc %h\u{1b}"),
                "ProxyJump is ProxyCommand nc %h\\u{1b}, not ours",
            ),
            (("proxyjump prime.a\n", ""), "ProxyJump is missing"),
        ] {
            assert_eq!(compared(&[change]).0, [difference]);
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
