//! A cluster's file as ssh reads it: its hosts, what they share, and how two versions differ.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{Block, directives, matches_list};
use crate::text::message::counted;

/// The contents of a cluster's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// The hosts, in their order.
    pub hosts: Vec<Host>,
    /// The options that all of them share.
    pub shared: Options,
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its own alias, and the cluster's where that leads to it.
    pub names: Vec<String>,
    /// Its own options.
    pub own: Options,
}

/// Keywords in lower case, each with its values.
pub type Options = BTreeMap<String, Vec<String>>;

impl Fragment {
    /// Parses a file of ours. Anything that we do not write is skipped.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut fragment = Self::default();
        let mut block: Option<Host> = None;
        // The patterns of a `Match`, and the jump host of all hosts that it means.
        let mut jumps: Vec<(String, Vec<String>)> = Vec::new();
        for directive in directives(text) {
            match directive.block() {
                Some(Block::Match(criteria)) => {
                    fragment.add(block.take());
                    let patterns = criteria.into_iter().filter(|c| c.name == "originalhost");
                    jumps.extend(patterns.map(|criterion| (criterion.value, Vec::new())));
                }
                Some(Block::Host(names)) => {
                    fragment.add(block.replace(Host { names, own: Options::new() }));
                }
                None => match (&mut block, jumps.last_mut()) {
                    (Some(host), _) => {
                        let keyword = String::from_utf8_lossy(&directive.keyword).into_owned();
                        host.own.entry(keyword).or_default().push(directive.texts().join(" "));
                    }
                    (None, Some((_, jump))) if &*directive.keyword == b"proxyjump" => {
                        *jump = directive.texts();
                    }
                    (None, _) => {}
                },
            }
        }
        fragment.add(block);
        for (patterns, jump) in jumps.into_iter().filter(|(_, jump)| !jump.is_empty()) {
            let jumping = fragment.hosts.iter_mut().filter(|host| {
                host.alias().is_some_and(|alias| matches_list(patterns.split(','), alias))
            });
            for host in jumping {
                host.own.entry("proxyjump".to_owned()).or_insert_with(|| jump.clone());
            }
        }
        fragment
    }

    /// A block with a pattern holds what the hosts share.
    fn add(&mut self, block: Option<Host>) {
        let Some(mut block) = block else { return };
        if block.names.iter().any(|name| name.contains('*')) {
            self.shared.extend(block.own);
        } else {
            block.names.retain(|name| is_name(name));
            if !block.names.is_empty() {
                self.hosts.push(block);
            }
        }
    }

    /// Every value of a keyword, once.
    pub fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        let options = self.hosts.iter().map(|host| &host.own).chain([&self.shared]);
        let values: BTreeSet<&str> =
            options.filter_map(|own| own.get(keyword)).flatten().map(String::as_str).collect();
        values.into_iter()
    }

    /// Every name that leads to a host.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().flat_map(|host| &host.names).map(String::as_str)
    }

    /// The names that an earlier version did not have.
    #[must_use]
    pub fn new_names(&self, earlier: &Self) -> Vec<&str> {
        let known: BTreeSet<&str> = earlier.names().collect();
        self.names().filter(|name| !known.contains(name)).collect()
    }

    /// The names in `known_hosts` that are others than in an earlier version, for the same server of
    /// the same machine: the old one and the new one.
    #[must_use]
    pub fn renamed_keys(&self, earlier: &Self) -> Vec<(String, String)> {
        let servers = |of: &Self| -> BTreeMap<(String, Option<String>), String> {
            let server = |host: &Host| {
                let port = host.value("port", &of.shared).map(str::to_owned);
                Some(((host.pod()?.to_owned(), port), host.machine()?.to_owned()))
            };
            of.hosts.iter().filter_map(server).collect()
        };
        let mut before = servers(earlier);
        let now = servers(self).into_iter();
        let renamed = now.filter_map(|(server, new)| Some((before.remove(&server)?, new)));
        renamed.filter(|(old, new)| old != new).collect()
    }

    /// The changes since an earlier version.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Difference {
        let (old, new) = (earlier.by_alias(), self.by_alias());
        let mut removed: BTreeMap<Option<&str>, &str> = old
            .iter()
            .filter(|(alias, _)| !new.contains_key(*alias))
            .map(|(&alias, host)| (host.pod(), alias))
            .collect();
        let (mut added, mut changed) = (0, 0);
        let (mut moved, mut renamed) = (Vec::new(), Vec::new());
        for (alias, host) in &new {
            let pod = host.pod();
            let Some(before) = old.get(alias) else {
                match removed.remove(&pod) {
                    Some(old) => renamed.push(format!("{old} is now {alias}")),
                    None => added += 1,
                }
                continue;
            };
            let old_pod = before.pod();
            if old_pod != pod {
                let [from, to] = [old_pod, pod].map(Option::unwrap_or_default);
                moved.push(format!("{alias}: machine {to}, and not {from}"));
            } else if before != host {
                changed += 1;
            }
        }
        let counts = [
            (added, "added"),
            (removed.len(), "removed"),
            (moved.len(), "on another machine"),
            (changed, "changed"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let mut words: Vec<String> =
            counts.map(|(count, what)| format!("{} {what}", counted(count, "host"))).collect();
        words.append(&mut renamed);
        words.extend((self.shared != earlier.shared).then(|| "options changed".to_owned()));
        if words.is_empty() {
            words.push("comments changed".to_owned());
        }
        Difference { words: words.join(", "), moved }
    }

    fn by_alias(&self) -> BTreeMap<&str, &Host> {
        let named = |host| Some((Host::alias(host)?, host));
        self.hosts.iter().filter_map(named).collect()
    }
}

/// The file of a cluster without the hosts that have none of these names; empty where none has.
pub(super) fn only(text: &[u8], names: &BTreeSet<String>) -> Vec<u8> {
    let mut kept = Vec::new();
    let (mut keeps, mut has_host) = (true, false);
    for directive in directives(text) {
        match directive.block() {
            Some(Block::Match(_)) => keeps = true,
            Some(Block::Host(patterns)) => {
                let is_host = !patterns.iter().any(|pattern| pattern.contains('*'));
                keeps = !is_host || patterns.iter().any(|name| names.contains(name));
                has_host |= is_host && keeps;
            }
            None => {}
        }
        if keeps {
            kept.extend(text.get(directive.range.clone()).unwrap_or_default());
        }
    }
    if has_host { kept } else { Vec::new() }
}

impl Host {
    /// Its own alias.
    #[must_use]
    pub fn alias(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// The name of its machine, which stays with it whatever the host is called.
    #[must_use]
    pub fn machine(&self) -> Option<&str> {
        self.own.get("hostkeyalias")?.first().map(String::as_str)
    }

    /// The id of its machine: in a `HostKeyAlias` it may have the port behind it.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        let machine = self.machine()?;
        let machine = machine.strip_prefix("prime-").unwrap_or(machine);
        machine.split('.').next()
    }

    /// The value of a keyword for this host; its own lines count first.
    pub fn value<'a>(&'a self, keyword: &str, shared: &'a Options) -> Option<&'a str> {
        let values = self.own.get(keyword).or_else(|| shared.get(keyword))?;
        values.first().map(String::as_str)
    }
}

/// Returns whether this can be an alias of ours, to be asked for.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
}

/// The changes between two versions of a cluster's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// All of them, for people.
    pub words: String,
    /// Each name that leads to another machine now, with its id and the one before, for people.
    pub moved: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_we_write_it() {
        let fragment = Fragment::parse(
            b"# train\nMatch originalhost p.t,p.t.* exec \"/bin/prime-ssh cert 'a b'\"\n\
              Host p.t.a p.t\n  HostName 192.0.2.1\n  User root\n\
              Host p.t.b\n  HostName 10.0.0.1\n  ProxyJump p.t.a\n\
              Host p.t p.t.*\n  User ubuntu\n  IdentityFile \"~/my key\"\nHost *\n",
        );
        let names: Vec<_> = fragment.names().collect();
        assert_eq!(names, ["p.t.a", "p.t", "p.t.b"]);
        let [a, b] = fragment.hosts.as_slice() else { panic!("{fragment:?}") };
        assert_eq!(a.value("user", &fragment.shared), Some("root"));
        assert_eq!(b.value("user", &fragment.shared), Some("ubuntu"));
        assert_eq!(fragment.all("identityfile").collect::<Vec<_>>(), ["~/my key"]);
    }

    #[test]
    fn a_foreign_name_is_skipped() {
        let text = b"Host -oProxyCommand=x\n User a\nHost \"a b\" ok.1 Up $(id)\n Port 1\n";
        let fragment = Fragment::parse(text);
        assert_eq!(fragment.names().collect::<Vec<_>>(), ["ok.1"]);
    }

    fn fragment(hosts: &[(&str, &str, &str)], user: &str) -> Fragment {
        let hosts: Vec<String> = hosts
            .iter()
            .map(|(alias, address, pod)| {
                format!("Host prime.t.{alias}\n  HostName {address}\n  HostKeyAlias prime-{pod}\n")
            })
            .collect();
        let hosts = hosts.concat();
        Fragment::parse(format!("# t\n{hosts}Host prime.t prime.t.*\n  User {user}\n").as_bytes())
    }

    #[test]
    fn only_some_hosts() {
        let text = b"# t\nHost p.t.a p.t\n  Port 1\nHost p.t.b\n  Port 2\n# All\nHost p.t p.t.*\n  User u\nHost *\n";
        let with =
            |name: &str| String::from_utf8(only(text, &BTreeSet::from([name.to_owned()]))).unwrap();
        assert_eq!(with("p.t.b"), "Host p.t.b\n  Port 2\nHost p.t p.t.*\n  User u\nHost *\n");
        assert_eq!(with("p.t.c"), "");
    }

    #[test]
    fn new_names() {
        let hosts = fragment(&[("a", "1", "p"), ("b", "2", "q")], "u");
        assert_eq!(hosts.new_names(&Fragment::default()), ["prime.t.a", "prime.t.b"]);
        assert_eq!(hosts.new_names(&fragment(&[("a", "9", "z")], "x")), ["prime.t.b"]);
    }

    #[test]
    fn keys_go_with_their_server() {
        let fragment = |servers: &[(&str, &str)]| {
            let host = |(port, machine): &(&str, &str)| {
                format!("Host p.t.{port}\n  Port {port}\n  HostKeyAlias {machine}\n")
            };
            Fragment::parse(servers.iter().map(host).collect::<String>().as_bytes())
        };
        let one = fragment(&[("22", "prime-p0")]);
        let two = fragment(&[("22", "prime-p0.22"), ("2222", "prime-p0.2222")]);
        let renamed = |old: &str, new: &str| vec![(old.to_owned(), new.to_owned())];
        assert_eq!(two.renamed_keys(&one), renamed("prime-p0", "prime-p0.22"));
        assert_eq!(one.renamed_keys(&two), renamed("prime-p0.22", "prime-p0"));
        assert_eq!(two.renamed_keys(&two), []);
    }

    #[test]
    fn differences_in_words() {
        let before =
            fragment(&[("a", "1", "p"), ("b", "2", "q"), ("c", "3", "r"), ("d", "4", "s")], "u");
        assert_eq!(before.since(&before).words, "comments changed");
        let after = fragment(
            &[
                ("a", "9", "p"),
                ("b", "2", "new"),
                ("c-1234", "3", "r"),
                ("e", "5", "t"),
                ("f", "6", "v"),
            ],
            "w",
        );
        let difference = after.since(&before);
        assert_eq!(
            difference.words,
            "2 hosts added, 1 host removed, 1 host on another machine, 1 host changed, \
             prime.t.c is now prime.t.c-1234, options changed"
        );
        assert_eq!(difference.moved, ["prime.t.b: machine new, and not q"]);
    }
}
