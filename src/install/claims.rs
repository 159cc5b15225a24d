//! Names of ours that the user's own configuration defines already: those are not for us to take.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::reader::{Block, ConfigReader, matches};

/// A place in the user's configuration that speaks of one of our aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The file.
    pub file: PathBuf,
    /// Its line, counted from 1.
    pub line: usize,
    /// The alias.
    pub alias: String,
    /// The pattern that matches it; none where the name itself stands there.
    pub pattern: Option<String>,
}

/// Returns whether a keyword decides which machine a name leads to, as whom, and whether it is the
/// right one. The others, such as `LocalForward`, are a person's own settings for our names.
fn redirects(keyword: &[u8]) -> bool {
    const KEYWORDS: [&str; 20] = [
        "addressfamily",
        "certificatefile",
        "globalknownhostsfile",
        "hostkeyalgorithms",
        "hostkeyalias",
        "hostname",
        "identitiesonly",
        "identityagent",
        "identityfile",
        "knownhostscommand",
        "pkcs11provider",
        "port",
        "proxycommand",
        "proxyjump",
        "proxyusefdpass",
        "revokedhostkeys",
        "stricthostkeychecking",
        "user",
        "userknownhostsfile",
        "verifyhostkeydns",
    ];
    KEYWORDS.iter().any(|known| known.as_bytes() == keyword)
}

/// Finds each place where `config` and what it includes have a block for one of `aliases` that
/// leads it elsewhere.
///
/// A pattern is a claim only where it starts as the alias does: `Host *` speaks of nobody.
/// Our own files do not count; the reader leaves them out.
#[must_use]
pub fn claims(config: (&Path, &[u8]), aliases: &[&str], reader: &ConfigReader<'_>) -> Vec<Claim> {
    let names: HashSet<&str> = aliases.iter().copied().collect();
    let mut found = Vec::new();
    // Those of the block that we are in: what it says decides.
    let mut pending: Vec<Claim> = Vec::new();
    reader.walk(config, &mut |line| {
        if line.starts.is_some() {
            pending.clear();
        } else if redirects(&line.directive.keyword) {
            found.append(&mut pending);
        }
        let claim = |alias: &str, pattern: Option<String>| Claim {
            file: line.file.to_owned(),
            line: line.directive.line,
            alias: alias.to_owned(),
            pattern,
        };
        for pattern in line.starts.map(Block::host_patterns).unwrap_or_default() {
            if names.contains(pattern) {
                pending.push(claim(pattern, None));
            } else if pattern.contains(['*', '?'])
                && let Some(alias) = aliases.iter().find(|alias| is_about(pattern, alias))
            {
                pending.push(claim(alias, Some(pattern.to_owned())));
            }
        }
        true
    });
    found
}

/// Returns whether a pattern is about this alias and its like: it matches, and its first wildcard
/// stands behind the first word, or somewhere in a name of one word.
#[must_use]
pub fn is_about(pattern: &str, alias: &str) -> bool {
    let start = pattern.split(['*', '?']).next().unwrap_or_default();
    let about = start.contains('.') || !start.is_empty() && !alias.contains('.');
    about && matches(pattern, alias)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIASES: [&str; 3] = ["prime.train", "prime.train.node-0", "prime.train.node-1"];

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let (name, text) = files[0];
        claims((Path::new(name), text.as_bytes()), &ALIASES, &ConfigReader::of(files))
            .into_iter()
            .map(|claim| {
                let pattern = claim.pattern.map(|p| format!(" by {p}")).unwrap_or_default();
                format!("{}:{} {}{pattern}", claim.file.display(), claim.line, claim.alias)
            })
            .collect()
    }

    #[test]
    fn a_name_is_found_in_any_file_that_ssh_would_read() {
        assert_eq!(
            found(&[
                ("/h/.ssh/config", "Include a\nHost x prime.train.node-0\n Port 1\n"),
                (
                    "/h/.ssh/a",
                    "Match user u host \"y,prime.train\"\n User u\n  Include ~/b config missing\n"
                ),
                ("/h/b", "\n\nHOST=prime.train.node-1\n LocalForward 1 a:1\n ProxyJump x\n"),
            ]),
            [
                "/h/.ssh/a:1 prime.train",
                "/h/b:3 prime.train.node-1",
                "/h/.ssh/config:2 prime.train.node-0",
            ]
        );
    }

    #[test]
    fn patterns_count_where_they_are_about_us() {
        let one = |text: &str| found(&[("/c", &format!("{text}\n  Port 1\n"))]);
        let own = "Host prime.train\n LocalForward 6006 localhost:6006\nHost x\n Port 1\n";
        assert!(found(&[("/c", own)]).is_empty());
        assert_eq!(one("Host prime.train.*"), ["/c:1 prime.train.node-0 by prime.train.*"]);
        assert_eq!(one("Host prime.*.node-?"), ["/c:1 prime.train.node-0 by prime.*.node-?"]);
        for line in ["Match originalhost=prime.train", "Match host = \"x,prime.train\""] {
            assert_eq!(one(line), ["/c:1 prime.train"], "{line}");
        }
        for text in [
            "Host *",
            "Host *.node-0",
            "Host p*",
            "Host !prime.train",
            "Host prime.train.node-2",
            "Host prime.other.*",
            "Host PRIME.TRAIN",
            "# Host prime.train",
            "HostName prime.train",
            "Match all",
            "Match exec prime.train",
            "Match !originalhost=prime.train",
        ] {
            assert!(one(text).is_empty(), "{text:?}");
        }
    }
}
