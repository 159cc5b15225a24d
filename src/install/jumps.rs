//! Jumps from name to name, over all that ssh reads: the user's configuration and our fragments.
//!
//! A loop of jumps is a fork bomb: each ssh starts the next one, without end. No single cluster can
//! make one, but two can, or one and a name of the user's own.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use super::reader::{Block, ConfigReader, Line};

/// The settings about jumps that ssh reads, in its order.
#[derive(Debug, Default)]
pub struct Jumps {
    rules: Vec<Rule>,
    /// The names in our fragments.
    ours: HashSet<String>,
}

/// One setting, which counts where all its blocks apply.
#[derive(Debug)]
struct Rule {
    blocks: Vec<Block>,
    setting: Setting,
}

#[derive(Debug)]
enum Setting {
    HostName(String),
    /// The name that is jumped through first; `None` for `none`.
    Jump(Option<String>),
}

/// The first setting of each kind that a reading for a name found.
#[derive(Default)]
struct Found<'j> {
    host_name: Option<String>,
    jump: Option<&'j Option<String>>,
}

impl Jumps {
    /// Reads a configuration with what it includes. Our fragments are read where it includes our
    /// index, or first.
    #[must_use]
    pub fn read(config: (&Path, &[u8]), reader: &ConfigReader<'_>, fragments: &[&[u8]]) -> Self {
        let (mut rules, mut ours) = (Vec::new(), None);
        reader.walk(config, &mut |line| {
            if line.includes_us && ours.is_none() {
                ours = Some((rules.len(), line.blocks.to_vec()));
            }
            rules.extend(rule(line, &[]));
            true
        });
        let (place, outer) = ours.unwrap_or_default();
        let (mut fragment_rules, mut names) = (Vec::new(), HashSet::new());
        for fragment in fragments {
            reader.walk((config.0, *fragment), &mut |line| {
                let patterns = line.starts.map(Block::host_patterns).unwrap_or_default();
                names.extend(patterns.into_iter().map(str::to_owned));
                fragment_rules.extend(rule(line, &outer));
                false
            });
        }
        rules.splice(place..place, fragment_rules);
        Self { rules, ours: names }
    }

    /// Every loop with a name of ours, as the names in it from one of them on.
    #[must_use]
    pub fn loops(&self) -> Vec<Vec<String>> {
        // Every name of a loop is jumped through.
        let through: BTreeSet<&str> = self
            .rules
            .iter()
            .filter_map(|rule| match &rule.setting {
                Setting::Jump(Some(name)) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let mut done = HashSet::new();
        let mut loops = Vec::new();
        for start in through {
            let mut path: Vec<&str> = Vec::new();
            let mut next = Some(start);
            while let Some(name) = next {
                if let Some(at) = path.iter().position(|earlier| *earlier == name) {
                    let names = path.split_off(at);
                    if names.iter().any(|&name| self.ours.contains(name)) {
                        loops.push(names.into_iter().map(str::to_owned).collect());
                    }
                    break;
                }
                if !done.insert(name) {
                    break;
                }
                path.push(name);
                next = self.jump_of(name);
            }
        }
        loops
    }

    /// The name that ssh jumps through on its way to this one.
    ///
    /// Where a configuration makes ssh read everything twice (`Match final`, as on Fedora), the
    /// second time is for the `HostName`. That is taken for granted: another file may ask for it at
    /// any time.
    fn jump_of(&self, name: &str) -> Option<&str> {
        let mut found = Found::default();
        self.look_up(name, name, false, &mut found);
        let host = found.host_name.clone().unwrap_or_else(|| name.to_owned());
        self.look_up(&host, name, true, &mut found);
        found.jump.and_then(Option::as_deref)
    }

    fn look_up<'j>(&'j self, host: &str, original: &str, is_final: bool, found: &mut Found<'j>) {
        for Rule { blocks, setting } in &self.rules {
            let by_now = found.host_name.as_deref().unwrap_or(host);
            // What only ssh can know counts as not: else jumps that never come together would make a
            // loop.
            let applies =
                |block: &Block| block.applies(host, by_now, original, Some(is_final)) == Some(true);
            if !blocks.iter().all(applies) {
                continue;
            }
            match setting {
                Setting::HostName(text) if found.host_name.is_none() => {
                    found.host_name = Some(text.replace("%h", host));
                }
                Setting::Jump(name) if found.jump.is_none() => found.jump = Some(name),
                Setting::HostName(_) | Setting::Jump(_) => {}
            }
        }
    }
}

/// A loop for people: its names, and the first one again.
#[must_use]
pub fn around(names: &[String]) -> String {
    names.iter().chain(names.first()).map(String::as_str).collect::<Vec<_>>().join(" > ")
}

/// The setting of a line, if it is about jumps. `outer` are the blocks around its file.
fn rule(line: &Line<'_>, outer: &[Block]) -> Option<Rule> {
    let values = line.directive.texts();
    let value = values.first()?;
    let setting = match &*line.directive.keyword {
        b"hostname" => Setting::HostName(value.clone()),
        b"proxyjump" => Setting::Jump(first_hop(value)),
        b"proxycommand" => Setting::Jump(through_ssh(&values)),
        _ => return None,
    };
    Some(Rule { blocks: [outer, line.blocks].concat(), setting })
}

/// The host of the first of `[USER@]HOST[:PORT],…`, the one that ssh looks up again.
#[must_use]
pub fn first_hop(value: &str) -> Option<String> {
    let hop = value.split(',').next().unwrap_or_default();
    let hop = hop.strip_prefix("ssh://").unwrap_or(hop);
    let place = hop.rsplit_once('@').map_or(hop, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => match place.split_once(':') {
            Some((host, port)) if !port.contains(':') => host,
            _ => place,
        },
    };
    (!host.eq_ignore_ascii_case("none")).then(|| host.to_owned())
}

/// The host that a command such as `ssh -W %h:%p USER@HOST` logs in to.
fn through_ssh(words: &[String]) -> Option<String> {
    let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
    let (["exec", program, arguments @ ..] | [program, arguments @ ..]) = words.as_slice() else {
        return None;
    };
    if program.rsplit('/').next() != Some("ssh") {
        return None;
    }
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix('-') {
            None => return first_hop(argument),
            // ssh(1): these take a value, which may be a word of its own.
            Some(option) => {
                let takes_value = |c| "BbcDEeFIiJLlmOoPpQRSWw".contains(c);
                if option.chars().position(takes_value) == option.chars().count().checked_sub(1) {
                    arguments.next();
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(config: &str, fragments: &[&str]) -> Vec<String> {
        let fragments: Vec<&[u8]> = fragments.iter().map(|text| text.as_bytes()).collect();
        let config = (Path::new("/h/.ssh/config"), config.as_bytes());
        let jumps = Jumps::read(config, &ConfigReader::of(&[]), &fragments);
        jumps.loops().iter().map(|names| names.join(" > ")).collect()
    }

    #[test]
    fn loops_are_found_and_chains_are_none() {
        let (a, b) = ("Host a\n ProxyJump me@b:22\nHost *\n", "Host b\n ProxyJump a,c\nHost *\n");
        assert_eq!(loops("", &[a, b]), ["a > b"]);
        assert_eq!(loops(b, &[a]), ["a > b"]);
        assert_eq!(loops("Host b\n ProxyCommand ssh -q -W %h:%p you@a\n", &[a]), ["a > b"]);
        assert_eq!(loops("Host b\n ProxyCommand exec /usr/bin/ssh -Wx:1 a\n", &[a]), ["a > b"]);
        assert_eq!(loops("Match host b\n ProxyJump a\n", &[a]), ["a > b"]);
        assert_eq!(loops("Host * !c\n ProxyJump a\n", &[a]), ["a > b"]);
        for config in [
            "",
            "Host b\n ProxyJump none\n",
            "Host b\n ProxyCommand nc %h %p\n",
            "Host b\n ProxyJump c\nHost c\n ProxyJump d\n",
            "Match host b user x\n ProxyJump a\n",
            "Host * !b\n ProxyJump c\n",
            // The first of them counts.
            "Host b\n ProxyJump none\n ProxyJump a\n",
        ] {
            assert_eq!(loops(config, &[a]), [""; 0], "{config}");
        }
    }

    #[test]
    fn a_host_name_is_looked_up_again() {
        let a = "Host p.a.ctl\n HostName l.b.w\nHost p.a.w\n ProxyJump p.a.ctl\nHost *\n";
        let b = "Host l.b.ctl\n HostName p.a.w\nHost l.b.w\n ProxyJump l.b.ctl\nHost *\n";
        assert_eq!(loops("", &[a, b]), ["l.b.ctl > p.a.ctl"]);
        let apart = a.replace("HostName l.b.w", "HostName l.b.w\n ProxyJump none");
        assert_eq!(loops("", &[&apart, b]), [""; 0]);
        let compact = "Host l.b.ctl\n HostName p.a.w\nHost l.b.w\n\
                       Match originalhost l.b.*,!l.b.ctl host !l.b.*,*\n ProxyJump l.b.ctl\nHost *\n";
        // The second reading is for another host, but for the same original one.
        assert_eq!(loops("", &[a, compact]), [""; 0]);
    }

    #[test]
    fn the_order_is_that_of_ssh() {
        let ours = "Host a\n ProxyJump b\nHost b\n ProxyJump a\nHost *\n";
        let include = "Include prime-ssh/config\n";
        let before = format!("Host b\n ProxyJump none\nHost *\n{include}");
        let behind = format!("{include}Host b\n ProxyJump none\n");
        assert_eq!(loops(&before, &[ours]), [""; 0]);
        assert_eq!(loops(&behind, &[ours]), ["a > b"]);
    }
}
