//! What a fragment of ours tells ssh, host by host: what ssh should make of its names.

use std::collections::{BTreeMap, BTreeSet};

use super::directive::{criteria, directives};

/// What a fragment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The hosts, in their order.
    pub hosts: Vec<Host>,
    /// What all of them share.
    pub shared: Options,
    /// The commands that ssh runs before it connects.
    pub commands: Vec<String>,
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its own alias, and the cluster's where that leads to it.
    pub names: Vec<String>,
    /// What is said of it alone.
    pub own: Options,
}

/// Keywords in lower case, each with its values.
pub type Options = BTreeMap<String, Vec<String>>;

impl Outline {
    /// Reads a fragment. What is not as we write it says nothing.
    #[must_use]
    pub fn of(fragment: &[u8]) -> Self {
        let mut outline = Self::default();
        let mut current: Option<Host> = None;
        for directive in directives(fragment) {
            let texts = directive.texts();
            match &*directive.keyword {
                b"match" => {
                    outline.finish(current.take());
                    match command(&texts) {
                        Some(command) => outline.commands.push(command),
                        // The way to those of all hosts that jump.
                        None => {
                            current =
                                Some(Host { names: vec!["*".to_owned()], own: Options::new() });
                        }
                    }
                }
                b"host" => {
                    outline.finish(current.take());
                    current = Some(Host { names: texts, own: Options::new() });
                }
                keyword => {
                    if let Some(host) = &mut current {
                        let keyword = String::from_utf8_lossy(keyword).into_owned();
                        host.own.entry(keyword).or_default().push(texts.join(" "));
                    }
                }
            }
        }
        outline.finish(current);
        outline
    }

    /// Blocks with a pattern in them are those that all hosts share.
    fn finish(&mut self, block: Option<Host>) {
        let Some(mut block) = block else { return };
        if block.names.iter().any(|name| name.contains('*')) {
            for (keyword, values) in block.own {
                self.shared.entry(keyword).or_default().extend(values);
            }
        } else {
            block.names.retain(|name| is_name(name));
            if !block.names.is_empty() {
                self.hosts.push(block);
            }
        }
    }

    /// What is said of a keyword for any host.
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

    /// Whether ssh needs the user's shell for a host: to run a command, or to jump.
    #[must_use]
    pub fn needs_a_shell(&self) -> bool {
        !self.commands.is_empty() || self.all("proxyjump").any(|jump| jump != "none")
    }
}

impl Host {
    /// What is said of a keyword for this host; its own lines count first.
    pub fn value<'a>(&'a self, keyword: &str, shared: &'a Options) -> Option<&'a str> {
        let values = self.own.get(keyword).or_else(|| shared.get(keyword))?;
        values.first().map(String::as_str)
    }
}

/// The command of a `Match … exec "command"`.
fn command(texts: &[String]) -> Option<String> {
    criteria(texts).into_iter().find(|criterion| criterion.name == "exec").map(|c| c.value)
}

/// Whether this can be an alias of ours, to be asked for.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_as_we_write_it() {
        let outline = Outline::of(
            b"# train\nMatch originalhost p.t,p.t.* exec \"/bin/prime-ssh cert 'a b'\"\n\
              Host p.t.a p.t\n  HostName 192.0.2.1\n  User root\n\
              Host p.t.b\n  HostName 10.0.0.1\n  ProxyJump p.t.a\n\
              Host p.t p.t.*\n  User ubuntu\n  IdentityFile \"~/my key\"\n",
        );
        let names: Vec<_> = outline.names().collect();
        assert_eq!(names, ["p.t.a", "p.t", "p.t.b"]);
        assert_eq!(outline.commands, ["/bin/prime-ssh cert 'a b'"]);
        assert!(outline.needs_a_shell());
        let [a, b] = outline.hosts.as_slice() else { panic!("{outline:?}") };
        assert_eq!(a.value("user", &outline.shared), Some("root"));
        assert_eq!(b.value("user", &outline.shared), Some("ubuntu"));
        assert_eq!(outline.all("identityfile").collect::<Vec<_>>(), ["~/my key"]);
    }

    #[test]
    fn what_is_no_name_of_ours_is_not_asked_for() {
        let outline =
            Outline::of(b"Host -oProxyCommand=x\n User a\nHost \"a b\" ok.1 Up $(id)\n Port 1\n");
        assert_eq!(outline.names().collect::<Vec<_>>(), ["ok.1"]);
        assert!(!outline.needs_a_shell());
    }
}
