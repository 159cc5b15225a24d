//! Two answers of `ssh -G`: what ours alone would make of a name, and what all of it makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::doctor::quoted;
use crate::install::reading::matches;

/// What ssh makes of a name: keywords in lower case, each with its values in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved(BTreeMap<String, Vec<String>>);

impl Resolved {
    /// Reads the output of `ssh -G`.
    pub(super) fn of(text: &str) -> Self {
        let mut values = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            // As it tells `StrictHostKeyChecking`, which nobody writes like that.
            let value = match value {
                "true" => "yes",
                "false" => "no",
                value => value,
            };
            values.entry(keyword.to_ascii_lowercase()).or_default().push(value.to_owned());
        }
        Self(values)
    }

    /// Every value of a keyword.
    pub(super) fn all(&self, keyword: &str) -> &[String] {
        self.0.get(keyword).map_or(&[], Vec::as_slice)
    }

    /// The first value of a keyword.
    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).first().map(String::as_str)
    }

    /// The value of a keyword where it does something.
    fn acting(&self, keyword: &str) -> Option<&str> {
        self.get(keyword).filter(|value| !matches!(*value, "" | "no" | "none"))
    }
}

/// Something that is not as our fragment says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    keyword: &'static str,
    /// As it stands in ssh's answer; empty where it is left out.
    pub(super) is: String,
    /// As our fragment says, where that is the same for all hosts of this kind.
    should: Option<String>,
}

/// Keywords that decide which machine is reached, as whom, and what vouches for it, as the manual
/// writes them.
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
    "ControlPath",
];
/// Others of our own fragments.
const MINOR: [&str; 2] = ["ServerAliveInterval", "ConnectTimeout"];
/// Of which ssh keeps every value.
const ACCUMULATING: [&str; 2] = ["IdentityFile", "CertificateFile"];
/// That ssh tells with other values filled in, and that differ where those do.
const DERIVED: &str = "ControlPath";

impl Difference {
    /// Whether another machine may be reached, or another trusted.
    pub(super) fn is_serious(&self) -> bool {
        SERIOUS.contains(&self.keyword)
    }

    /// The keyword of the line that is in the way.
    pub(super) fn keyword_of_theirs(&self) -> &'static str {
        if self.keyword == "ProxyJump" && self.is.starts_with(PROXY_COMMAND) {
            "proxycommand"
        } else {
            self.keyword
        }
    }
}

const PROXY_COMMAND: &str = "ProxyCommand ";

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keyword, is, should } = self;
        let accumulates = ACCUMULATING.contains(keyword);
        match should {
            _ if *keyword == DERIVED => write!(
                f,
                "{keyword} is not ours, and a shared connection may lead to another machine"
            ),
            Some(should) if accumulates => write!(f, "{keyword} {} is left out", quoted(should)),
            _ if is.is_empty() => write!(f, "{keyword} is left out"),
            Some(should) => write!(f, "{keyword} is {}, not {}", quoted(is), quoted(should)),
            None => write!(f, "{keyword} is {}, not ours", quoted(is)),
        }
    }
}

/// Where `is` differs from `should` in what our fragment says: these keywords, in lower case.
pub(super) fn differences(
    keywords: &BTreeSet<&str>,
    should: &Resolved,
    is: &Resolved,
) -> Vec<Difference> {
    let ours = SERIOUS.iter().chain(&MINOR);
    let ours = ours.filter(|keyword| keywords.contains(&*keyword.to_ascii_lowercase()));
    let mut found = Vec::new();
    for &keyword in ours {
        let name = keyword.to_ascii_lowercase();
        if ACCUMULATING.contains(&keyword) {
            let missing = should.all(&name).iter().filter(|value| !is.all(&name).contains(value));
            found.extend(missing.map(|value| Difference {
                keyword,
                is: String::new(),
                should: Some(value.clone()),
            }));
            continue;
        }
        let (wanted, there) = (should.get(&name), is.get(&name));
        let is_derived = keyword == DERIVED && found.iter().any(Difference::is_serious);
        if wanted == there || is_derived {
            continue;
        }
        // ssh fills in what differs from host to host.
        let there = there.filter(|_| keyword != DERIVED).unwrap_or_default();
        let mut there = there.to_owned();
        if keyword == "ProxyJump"
            && let Some(command) = is.acting("proxycommand")
        {
            there = format!("{PROXY_COMMAND}{command}");
        }
        // What differs from host to host would make each of them a finding of its own.
        let is_own = matches!(keyword, "HostName" | "HostKeyAlias" | DERIVED | "ProxyJump");
        let should = wanted.filter(|_| !is_own).map(str::to_owned);
        found.push(Difference { keyword, is: there, should });
    }
    found
}

/// Something that the user's configuration adds to what our fragment says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Added {
    /// The agent is forwarded; to which socket or `yes`.
    Agent(String),
    /// The display is forwarded.
    Display,
    /// Variables that hold a token are sent; the pattern.
    Token(String),
    /// Every host is reached by another way; the jump host or the command.
    Way(&'static str, String),
    /// A command runs here with each connection.
    LocalCommand(String),
}

impl Added {
    /// Whether somebody on the host could make use of it.
    pub(super) fn is_dangerous(&self) -> bool {
        matches!(self, Self::Agent(_) | Self::Display | Self::Token(_))
    }

    /// The keyword that says so, in lower case.
    pub(super) fn keyword(&self) -> &'static str {
        match self {
            Self::Agent(_) => "forwardagent",
            Self::Display => "forwardx11",
            Self::Token(_) => "sendenv",
            Self::Way(keyword, _) => keyword,
            Self::LocalCommand(_) => "localcommand",
        }
    }

    /// The value of the keyword.
    pub(super) fn value(&self) -> &str {
        match self {
            Self::Display => "yes",
            Self::Agent(value)
            | Self::Token(value)
            | Self::Way(_, value)
            | Self::LocalCommand(value) => value,
        }
    }

    /// The option of ssh that turns it off for a cluster.
    pub(super) fn turned_off(&self) -> Option<&'static str> {
        match self {
            Self::Agent(_) => Some("ForwardAgent=no"),
            Self::Display => Some("ForwardX11=no"),
            _ => None,
        }
    }

    /// What to do about it where no option turns it off.
    pub(super) fn advice(&self) -> Option<&'static str> {
        matches!(self, Self::Token(_)).then_some("name the variables to send one by one")
    }
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(value) => write!(
                f,
                "gets your agent (ForwardAgent {}): who is root there can log in as you elsewhere",
                quoted(value)
            ),
            Self::Display => f.write_str(
                "gets your display (ForwardX11 yes): who is root there can watch and type in it",
            ),
            Self::Token(pattern) => {
                write!(f, "is sent your API token (SendEnv {})", quoted(pattern))
            }
            Self::Way("proxyjump", way) => {
                write!(f, "is reached through {}, as your own configuration says", quoted(way))
            }
            Self::Way(_, way) => {
                write!(f, "is reached by `{}`, as your own configuration says", quoted(way))
            }
            Self::LocalCommand(command) => {
                write!(f, "makes ssh run `{}` here", quoted(command))
            }
        }
    }
}

/// What `is` does beyond what our fragment says.
pub(super) fn added(should: &Resolved, is: &Resolved) -> Vec<Added> {
    let new = |keyword: &str| {
        let value = is.acting(keyword).filter(|_| should.acting(keyword).is_none());
        value.map(str::to_owned)
    };
    let mut added = Vec::new();
    added.extend(new("forwardagent").map(Added::Agent));
    added.extend(new("forwardx11").map(|_| Added::Display));
    let sent = is.all("sendenv").iter().filter(|value| !should.all("sendenv").contains(value));
    let with_token = sent
        .filter(|patterns| patterns.split(' ').any(|pattern| matches(pattern, "PRIME_API_KEY")));
    added.extend(with_token.cloned().map(Added::Token));
    // Where ours says a way, another one is a difference.
    if should.acting("proxyjump").is_none() {
        added.extend(new("proxyjump").map(|jump| Added::Way("proxyjump", jump)));
        added.extend(new("proxycommand").map(|command| Added::Way("proxycommand", command)));
    }
    if is.acting("permitlocalcommand").is_some() {
        added.extend(new("localcommand").map(Added::LocalCommand));
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "user ubuntu\nhostname 10.0.0.1\nport 22\nproxyjump prime.a\n\
        identityfile ~/.ssh/key\nforwardagent no\ncontrolpath /s/ubuntu@prime-1\n\
        stricthostkeychecking accept-new\nconnecttimeout 15\nsendenv LANG\n";

    fn told(change: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut text = OURS.to_owned();
        for (from, to) in change {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let (should, is) = (Resolved::of(OURS), Resolved::of(&text));
        let keywords = should.0.keys().map(String::as_str).collect();
        let differences = differences(&keywords, &should, &is);
        let words = |items: Vec<String>| items;
        (
            words(differences.iter().map(ToString::to_string).collect()),
            added(&should, &is).iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn what_is_as_we_say_is_no_finding() {
        let none = (Vec::new(), Vec::new());
        assert_eq!(told(&[]), none);
        // A second key, and a variable of no weight.
        assert_eq!(told(&[("~/.ssh/key\n", "~/.ssh/key\nidentityfile ~/.ssh/other\n")]), none);
        assert_eq!(told(&[("LANG", "LC_*")]), none);
    }

    #[test]
    fn what_is_shadowed_is_told_once() {
        let one = |change: &[(&str, &str)]| told(change).0;
        assert_eq!(one(&[("ubuntu", "me")]), ["User is me, not ubuntu"]);
        assert_eq!(one(&[("10.0.0.1", "evil")]), ["HostName is evil, not ours"]);
        assert_eq!(
            one(&[("/s/ubuntu@prime-1", "/s/%C")]),
            ["ControlPath is not ours, and a shared connection may lead to another machine"]
        );
        assert_eq!(one(&[("accept-new", "no")]), ["StrictHostKeyChecking is no, not accept-new"]);
        assert_eq!(
            one(&[("identityfile ~/.ssh/key\n", "")]),
            ["IdentityFile ~/.ssh/key is left out"]
        );
        assert_eq!(
            one(&[("proxyjump prime.a", "proxycommand nc %h\u{1b}")]),
            ["ProxyJump is ProxyCommand nc %h\\u{1b}, not ours"]
        );
        assert_eq!(one(&[("proxyjump prime.a\n", "")]), ["ProxyJump is left out"]);
    }

    #[test]
    fn what_may_harm_is_told() {
        let one = |change: &[(&str, &str)]| told(change).1;
        let agent = &one(&[("forwardagent no", "forwardagent yes")])[0];
        assert!(agent.starts_with("gets your agent (ForwardAgent yes)"), "{agent}");
        assert_eq!(one(&[("LANG", "LANG P*")]), ["is sent your API token (SendEnv LANG P*)"]);
        assert_eq!(one(&[("proxyjump prime.a", "proxyjump other")]), Vec::<String>::new());
    }
}
