//! What a fragment of ours says, for telling what is new in the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::directive::directives;

/// The hosts of a fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Each host by its own alias.
    by_alias: BTreeMap<String, Host>,
    /// Every name that ssh would know by this fragment, patterns aside.
    names: BTreeSet<String>,
    /// The lines that all hosts share.
    shared: Vec<u8>,
    /// What stands in front of them all.
    before: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Host {
    /// Its `HostKeyAlias`, which stays with the machine.
    machine: Vec<u8>,
    lines: Vec<u8>,
}

impl Hosts {
    /// Reads a fragment that we wrote.
    #[must_use]
    pub fn of(fragment: &[u8]) -> Self {
        let mut hosts = Self::default();
        let mut current: Option<(String, Host)> = None;
        for directive in directives(fragment) {
            let line = fragment.get(directive.range.clone()).unwrap_or_default();
            let texts = || {
                directive.arguments().into_iter().filter_map(|text| String::from_utf8(text).ok())
            };
            match &*directive.keyword {
                b"match" => {
                    hosts.finish(current.take());
                    hosts.before.extend(line);
                }
                b"host" => {
                    hosts.finish(current.take());
                    hosts.names.extend(texts().filter(|name| !name.contains('*')));
                    current = texts().next().map(|alias| (alias, Host::default()));
                }
                keyword => {
                    if let Some((_, host)) = &mut current {
                        if keyword == b"hostkeyalias" {
                            host.machine = texts().collect::<String>().into_bytes();
                        }
                        host.lines.extend(line);
                    }
                }
            }
        }
        hosts.finish(current);
        hosts
    }

    /// A block without a machine is the one that all hosts share.
    fn finish(&mut self, block: Option<(String, Host)>) {
        match block {
            Some((_, host)) if host.machine.is_empty() => self.shared.extend(host.lines),
            Some((alias, host)) => {
                self.by_alias.insert(alias, host);
            }
            None => {}
        }
    }

    /// What is said of all hosts.
    fn options(&self) -> (&[u8], &[u8]) {
        (&self.before, &self.shared)
    }

    /// How many hosts there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_alias.len()
    }

    /// The names that are not among those of an earlier fragment.
    #[must_use]
    pub fn new_names(&self, earlier: &Self) -> Vec<&str> {
        self.names
            .iter()
            .filter(|name| !earlier.names.contains(*name))
            .map(String::as_str)
            .collect()
    }

    /// What became of the hosts of an earlier fragment.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Difference {
        let mut difference =
            Difference { shared: self.options() != earlier.options(), ..Difference::default() };
        let gone = |hosts: &Self, others: &Self| -> BTreeMap<Vec<u8>, String> {
            let alone =
                hosts.by_alias.iter().filter(|(alias, _)| !others.by_alias.contains_key(*alias));
            alone.map(|(alias, host)| (host.machine.clone(), alias.clone())).collect()
        };
        let (mut removed, added) = (gone(earlier, self), gone(self, earlier));
        for (machine, new) in added {
            match removed.remove(&machine) {
                Some(old) => difference.renamed.push((old, new)),
                None => difference.added += 1,
            }
        }
        difference.removed = removed.len();
        for (alias, host) in &self.by_alias {
            match earlier.by_alias.get(alias) {
                Some(before) if before.machine != host.machine => difference.replaced += 1,
                Some(before) if before.lines != host.lines => difference.changed += 1,
                _ => {}
            }
        }
        difference
    }
}

/// What differs between two fragments of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    added: usize,
    removed: usize,
    /// The same machine under another name: the old and the new one.
    renamed: Vec<(String, String)>,
    /// The same name for another machine.
    replaced: usize,
    /// Another address, port, user or way.
    changed: usize,
    shared: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, what: &str| {
            let hosts = if count == 1 { "host" } else { "hosts" };
            (count > 0).then(|| format!("{count} {hosts} {what}"))
        };
        let mut parts: Vec<String> = [
            counted(self.added, "added"),
            counted(self.removed, "removed"),
            counted(self.replaced, "on another machine"),
            counted(self.changed, "changed"),
        ]
        .into_iter()
        .flatten()
        .collect();
        parts.extend(self.renamed.iter().map(|(old, new)| format!("{old} is {new} now")));
        if self.shared {
            parts.push("options changed".to_owned());
        }
        if parts.is_empty() {
            parts.push("comments changed".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(hosts: &[(&str, &str, &str)], shared: &str) -> Hosts {
        let hosts: Vec<String> = hosts
            .iter()
            .map(|(alias, address, pod)| {
                format!("Host prime.t.{alias}\n  HostName {address}\n  HostKeyAlias prime-{pod}\n")
            })
            .collect();
        let hosts = hosts.concat();
        Hosts::of(format!("# t\n{hosts}Host prime.t prime.t.*\n  User {shared}\n").as_bytes())
    }

    #[test]
    fn names_and_numbers() {
        let hosts = fragment(&[("a", "1", "p"), ("b", "2", "q")], "u");
        assert_eq!(hosts.count(), 2);
        assert_eq!(hosts.new_names(&Hosts::default()), ["prime.t", "prime.t.a", "prime.t.b"]);
        assert_eq!(hosts.new_names(&fragment(&[("a", "9", "z")], "x")), ["prime.t.b"]);
    }

    #[test]
    fn differences_in_words() {
        let before =
            fragment(&[("a", "1", "p"), ("b", "2", "q"), ("c", "3", "r"), ("d", "4", "s")], "u");
        assert_eq!(before.since(&before).to_string(), "comments changed");
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
        assert_eq!(
            after.since(&before).to_string(),
            "2 hosts added, 1 host removed, 1 host on another machine, 1 host changed, \
             prime.t.c is prime.t.c-1234 now, options changed"
        );
    }
}
