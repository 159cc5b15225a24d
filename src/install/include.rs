//! The one line of ours in the user's own configuration: found, put in, taken out again.
//!
//! All of it is text in, text out. Every byte that is not our line stays as it is.

use std::fmt;
use std::path::Path;

use super::reader::{Directive, IncludeResolver, directives};
use crate::name::Invalid;
use crate::text::shell;

/// An `Include` of our index, written by us or by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Counted from 1.
    pub line: usize,
    /// The line of the `Host` or `Match` that it belongs to; none at top level, where it counts
    /// for every host.
    pub block: Option<usize>,
}

/// Every `Include` in the user's configuration that leads to our index.
#[must_use]
pub fn find(config: &[u8], include_resolver: &IncludeResolver) -> Vec<Found> {
    includes(config)
        .filter(|(directive, _)| {
            directive.arguments().iter().any(|argument| include_resolver.leads_to_index(argument))
        })
        .map(|(directive, block)| Found { line: directive.line, block })
        .collect()
}

/// The user's configuration with every `Include` of our index leading to the one that `to` names,
/// so that ssh can read a new index before it counts.
#[must_use]
pub fn redirected(config: &[u8], include_resolver: &IncludeResolver, to: &IncludeLine) -> Vec<u8> {
    let mut new = Vec::with_capacity(config.len());
    let mut copied = 0;
    for (directive, _) in includes(config) {
        let arguments = directive.arguments();
        if !arguments.iter().any(|argument| include_resolver.leads_to_index(argument)) {
            continue;
        }
        new.extend(config.get(copied..directive.range.start).unwrap_or_default());
        copied = directive.range.end;
        new.extend(to.0.as_bytes());
        for other in arguments.iter().filter(|argument| !include_resolver.leads_to_index(argument))
        {
            new.extend([b" \"", other.as_slice(), b"\""].concat());
        }
        new.push(b'\n');
    }
    new.extend(config.get(copied..).unwrap_or_default());
    new
}

/// The path of every file that `config` includes, as it is written there.
#[must_use]
pub fn included(config: &[u8]) -> Vec<String> {
    includes(config)
        .flat_map(|(directive, _)| directive.arguments())
        .filter_map(|argument| String::from_utf8(argument).ok())
        .collect()
}

/// Every `Include`, with the line of the block that it stands in.
fn includes(config: &[u8]) -> impl Iterator<Item = (Directive<'_>, Option<usize>)> {
    let mut block = None;
    directives(config).filter_map(move |directive| {
        if let Some(started) = directive.block() {
            block = (!started.is_for_every_host()).then_some(directive.line);
        }
        (&*directive.keyword == b"include").then_some((directive, block))
    })
}

/// Our line, without its ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludeLine(String);

impl IncludeLine {
    /// The line that includes `path`, which is absolute or relative to the home's `.ssh`; some paths
    /// no `Include` can name in every release of ssh.
    pub fn new(path: &Path) -> Result<Self, Invalid> {
        // Without quotes where that is possible: some editors do not take them off.
        let special = |c: char| c.is_control() || "\"'\\%$*?[]{}".contains(c);
        match path.to_str() {
            Some(text) if text.contains(special) || text.is_empty() => {}
            Some(text) if text.contains([' ', '#']) => {
                return Ok(Self(format!("Include \"{text}\"")));
            }
            Some(text) => return Ok(Self(format!("Include {text}"))),
            None => {}
        }
        Err(Invalid::because(format!(
            "ssh cannot include {}: its path holds a quote, a backslash, a `%`, a `$`, a pattern or a \
             control character",
            shell::path(path)
        )))
    }

    /// The user's configuration with our line as its first. The caller has seen that none is in it.
    #[must_use]
    pub fn put_in(&self, config: &[u8]) -> Vec<u8> {
        let ending = match config.iter().position(|&byte| byte == b'\n') {
            Some(end) if config.get(..end).is_some_and(|line| line.ends_with(b"\r")) => "\r\n",
            _ => "\n",
        };
        [self.0.as_bytes(), ending.as_bytes(), config].concat()
    }

    /// The user's configuration without our line; nothing where our line is not in it.
    ///
    /// Only a line at top level that is ours letter for letter is taken; what a person wrote in
    /// another way, or put into a block, stays.
    #[must_use]
    pub fn taken_out_of(&self, config: &[u8]) -> Option<Vec<u8>> {
        let (ours, _) = includes(config).find(|(directive, block)| {
            let line = config.get(directive.range.clone()).unwrap_or_default();
            block.is_none() && line.trim_ascii_end() == self.0.as_bytes()
        })?;
        let (before, after) =
            (config.get(..ours.range.start).unwrap_or_default(), config.get(ours.range.end..));
        Some([before, after.unwrap_or_default()].concat())
    }
}

impl fmt::Display for IncludeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::support::any_config::any_config;

    fn include_resolver() -> IncludeResolver {
        IncludeResolver {
            home: "/home/u".into(),
            index: vec![
                "/home/u/.ssh/prime-ssh/config".into(),
                "/data/ssh/prime-ssh/config".into(),
            ],
        }
    }

    fn line() -> IncludeLine {
        IncludeLine::new(Path::new("prime-ssh/config")).unwrap()
    }

    fn found(config: &str) -> Vec<(usize, Option<usize>)> {
        find(config.as_bytes(), &include_resolver()).iter().map(|f| (f.line, f.block)).collect()
    }

    #[test]
    fn an_include_of_ours_counts_however_it_is_written() {
        for config in [
            "Include prime-ssh/config",
            "\tINCLUDE=prime-ssh/config\r\n",
            "include ~/.ssh/prime-ssh/config",
            "Include \"/home/u/.ssh/prime-ssh/config\"",
            "Include /home/u//.ssh/./prime-ssh/config",
            "Include a b prime-ssh/config c",
            "Include */config",
            "Include ~/.ssh/prime-*/con?ig",
            "Include /data/ssh/prime-ssh/config",
            "Include '~/.ssh/prime-ssh/config' # ours",
        ] {
            assert_eq!(found(config), [(1, None)], "{config:?}");
        }
        for config in [
            "",
            "# Include prime-ssh/config",
            "Include prime-ssh/config2",
            "Include *",
            "Include ~other/.ssh/prime-ssh/config",
            "Include prime-ssh",
            "Include Prime-ssh/config",
            "IncludeX prime-ssh/config",
        ] {
            assert_eq!(found(config), [], "{config:?}");
        }
    }

    #[test]
    fn an_include_inside_a_block_is_told_from_one_at_top_level() {
        let config = "User x\nInclude prime-ssh/config\nHost a\n  User y\n\nHost b\n  Include prime-ssh/config\n";
        assert_eq!(found(config), [(2, None), (7, Some(6))]);
        for for_all in ["Match all", "Host *", "host a *"] {
            assert_eq!(found(&format!("{for_all}\nInclude prime-ssh/config\n")), [(2, None)]);
        }
        assert_eq!(found("Host * !a\nInclude prime-ssh/config\n"), [(2, Some(1))]);
    }

    #[test]
    fn our_line_goes_first_and_ends_like_the_others() {
        let put = |config: &str| String::from_utf8(line().put_in(config.as_bytes())).unwrap();
        assert_eq!(put(""), "Include prime-ssh/config\n");
        assert_eq!(put("Host a"), "Include prime-ssh/config\nHost a");
        assert_eq!(put("Host a\r\n\tUser b"), "Include prime-ssh/config\r\nHost a\r\n\tUser b");
        assert_eq!(put("Host a\nUser b\r\n"), "Include prime-ssh/config\nHost a\nUser b\r\n");
    }

    #[test]
    fn later_edits_stay() {
        let taken = |config: &str| {
            line().taken_out_of(config.as_bytes()).map(|rest| String::from_utf8(rest).unwrap())
        };
        assert_eq!(
            taken("# mine\nInclude prime-ssh/config  \r\nHost a\n").as_deref(),
            Some("# mine\nHost a\n")
        );
        assert_eq!(taken("Host a\nInclude prime-ssh/config\n"), None);
        assert_eq!(taken("Include prime-ssh/config other\n"), None);
        assert_eq!(taken(" Include prime-ssh/config\n"), None);
    }

    #[test]
    fn a_copy_leads_to_another_index() {
        let to = IncludeLine::new(Path::new("prime-ssh/staged")).unwrap();
        let config = "# a\nInclude x prime-ssh/config \"y z\"\nHost h\n Include */config";
        assert_eq!(
            String::from_utf8(redirected(config.as_bytes(), &include_resolver(), &to)).unwrap(),
            "# a\nInclude prime-ssh/staged \"x\" \"y z\"\nHost h\nInclude prime-ssh/staged\n"
        );
        assert_eq!(redirected(b"Include other", &include_resolver(), &to), b"Include other");
    }

    #[test]
    fn paths_are_quoted_where_they_must_be_and_refused_where_no_quoting_helps() {
        let written = |path: &str| IncludeLine::new(Path::new(path)).map(|line| line.0);
        assert_eq!(written("/a/config").unwrap(), "Include /a/config");
        assert_eq!(written("/a b/config").unwrap(), "Include \"/a b/config\"");
        for path in ["", "/a\"b", "/a\\b", "/a%b", "/a$b", "/a*", "/a[b]", "/a\nb", "/a'b"] {
            assert!(written(path).is_err(), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn taking_out_undoes_putting_in(config in any_config()) {
            prop_assume!(line().taken_out_of(&config).is_none());
            let with = line().put_in(&config);
            let found = find(&with, &include_resolver());
            prop_assert_eq!(found.first(), Some(&Found { line: 1, block: None }));
            prop_assert_eq!(line().taken_out_of(&with), Some(config));
        }
    }
}
