//! Names of ours that the user's own configuration defines already: those are not for us to take.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::directive::{Directive, directives};
use super::include::Bearings;

/// As deep as ssh itself follows `Include` lines.
const DEPTH_MAX: usize = 16;

/// A place in the user's configuration that speaks of one of our aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The file.
    pub file: PathBuf,
    /// Its line, counted from 1.
    pub line: usize,
    /// Our alias.
    pub alias: String,
    /// The pattern that matches it; none where the name itself stands there.
    pub pattern: Option<String>,
}

/// Every file that an `Include` path with its wildcards leads to, with its contents.
pub type ReadMatching<'r> = dyn FnMut(&Path) -> Vec<(PathBuf, Vec<u8>)> + 'r;

/// Where `config` and what it includes name one of `aliases` in a `Host` or `Match` line.
///
/// A pattern is a claim only where it starts with a word of the alias: `Host *` speaks of nobody.
/// Our own files do not count; `read` leaves them out.
pub fn claims(
    config: (&Path, &[u8]),
    aliases: &[&str],
    bearings: &Bearings,
    read: &mut ReadMatching<'_>,
) -> Vec<Claim> {
    let mut search = Search {
        aliases,
        names: aliases.iter().copied().collect(),
        bearings,
        seen: HashSet::from([config.0.to_owned()]),
        found: Vec::new(),
    };
    search.file(config.0, config.1, 0, read);
    search.found
}

struct Search<'a> {
    aliases: &'a [&'a str],
    names: HashSet<&'a str>,
    bearings: &'a Bearings,
    seen: HashSet<PathBuf>,
    found: Vec<Claim>,
}

impl Search<'_> {
    fn file(&mut self, path: &Path, text: &[u8], depth: usize, read: &mut ReadMatching<'_>) {
        for directive in directives(text) {
            if &*directive.keyword == b"include" && depth < DEPTH_MAX {
                let paths: Vec<_> =
                    directive.arguments().iter().filter_map(|a| self.bearings.resolve(a)).collect();
                for (file, text) in paths.iter().flat_map(|path| read(path)).collect::<Vec<_>>() {
                    if self.seen.insert(file.clone()) {
                        self.file(&file, &text, depth + 1, read);
                    }
                }
            }
            for pattern in patterns(&directive) {
                self.judge(path, directive.line, &pattern);
            }
        }
    }

    fn judge(&mut self, file: &Path, line: usize, pattern: &str) {
        let claim = |alias: &str, pattern: Option<String>| Claim {
            file: file.to_owned(),
            line,
            alias: alias.to_owned(),
            pattern,
        };
        if self.names.contains(pattern) {
            self.found.push(claim(pattern, None));
        } else if pattern.contains(['*', '?'])
            && let Some(alias) = self.aliases.iter().find(|alias| catches(pattern, alias))
        {
            self.found.push(claim(alias, Some(pattern.to_owned())));
        }
    }
}

/// The host patterns that a `Host` or `Match` line names. A negated one names nobody.
fn patterns(directive: &Directive<'_>) -> Vec<String> {
    let arguments = directive.arguments();
    let texts = || arguments.iter().filter_map(|a| std::str::from_utf8(a).ok());
    let found: Vec<&str> = match &*directive.keyword {
        b"host" => texts().collect(),
        b"match" => {
            let named = |word: &str| {
                word.eq_ignore_ascii_case("host") || word.eq_ignore_ascii_case("originalhost")
            };
            texts()
                .zip(texts().skip(1))
                .filter(|(word, _)| named(word))
                .flat_map(|(_, hosts)| hosts.split(','))
                .collect()
        }
        _ => Vec::new(),
    };
    found.into_iter().filter(|pattern| !pattern.starts_with('!')).map(str::to_owned).collect()
}

/// Whether a pattern is about this alias and its like: it matches, and does not start with a
/// wildcard.
fn catches(pattern: &str, alias: &str) -> bool {
    let about = pattern.split(['*', '?']).next().is_some_and(|start| start.contains('.'));
    about && glob::Pattern::new(&pattern.replace('[', "[[]")).is_ok_and(|p| p.matches(alias))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIASES: [&str; 3] = ["prime.train", "prime.train.node-0", "prime.train.node-1"];

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let bearings =
            Bearings { home: "/h".into(), index: vec!["/h/.ssh/prime-ssh/config".into()] };
        let mut read = |path: &Path| {
            let matching = files.iter().filter(|(name, _)| Path::new(name) == path);
            matching.map(|(name, text)| (name.into(), text.as_bytes().to_owned())).collect()
        };
        let (name, text) = files[0];
        claims((Path::new(name), text.as_bytes()), &ALIASES, &bearings, &mut read)
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
                ("/h/.ssh/config", "Include a\nHost x prime.train.node-0\n"),
                (
                    "/h/.ssh/a",
                    "Match user u host \"y,prime.train\"\n  Include ~/b config missing\n"
                ),
                ("/h/b", "\n\nHOST=prime.train.node-1\n"),
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
        let one = |text| found(&[("/c", text)]);
        assert_eq!(one("Host prime.train.*"), ["/c:1 prime.train.node-0 by prime.train.*"]);
        assert_eq!(one("Host prime.*.node-?"), ["/c:1 prime.train.node-0 by prime.*.node-?"]);
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
        ] {
            assert!(one(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn includes_that_go_in_circles_end() {
        assert!(found(&[("/c", "Include /c /d\n"), ("/d", "Include /c /d\n")]).is_empty());
    }
}
