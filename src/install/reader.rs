//! Reads a configuration as ssh itself does: its lines (readconf.c and misc.c of OpenSSH), its
//! blocks, and the files that it includes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

/// The white space between a keyword and its arguments.
const WHITE: &[u8] = b" \t\r\n";

/// One line that holds a keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    /// Counted from 1, as in ssh's own messages.
    pub line: usize,
    /// The place of the line in the text, with its ending.
    pub range: Range<usize>,
    /// The keyword in lower case: ssh knows no case there.
    pub keyword: Cow<'a, [u8]>,
    rest: &'a [u8],
}

impl Directive<'_> {
    /// The words behind the keyword, split at white space, without quotes.
    #[must_use]
    pub fn arguments(&self) -> Vec<Vec<u8>> {
        arguments(self.rest)
    }

    /// The same where they are text.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.arguments().into_iter().filter_map(|text| String::from_utf8(text).ok()).collect()
    }

    /// The block that this line starts, if it does: what follows counts for some hosts only.
    #[must_use]
    pub fn block(&self) -> Option<Block> {
        match &*self.keyword {
            b"host" => Some(Block::Host(self.texts())),
            b"match" => Some(Block::Match(criteria(&self.texts()))),
            _ => None,
        }
    }
}

/// The first line of a block: whom the lines below it count for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// `Host`: any of the patterns, and none that is negated.
    Host(Vec<String>),
    /// `Match`: all of these conditions.
    Match(Vec<Criterion>),
}

impl Block {
    /// Returns whether it applies to every host: `Match all`, or `Host *` without a negated pattern.
    #[must_use]
    pub fn is_for_every_host(&self) -> bool {
        match self {
            Self::Host(patterns) => {
                patterns.iter().any(|pattern| pattern == "*")
                    && !patterns.iter().any(|pattern| pattern.starts_with('!'))
            }
            Self::Match(criteria) => {
                matches!(criteria.as_slice(), [only] if only.name == "all" && !only.negated)
            }
        }
    }

    /// Returns whether it applies to a name that ssh looks up as `host`, by now with this `HostName`,
    /// and that was called `original` at first (`ssh_config(5)`, Match); `None` where only ssh knows.
    #[must_use]
    pub fn applies(
        &self,
        host: &str,
        host_name: &str,
        original: &str,
        is_final: Option<bool>,
    ) -> Option<bool> {
        let criteria = match self {
            Self::Host(patterns) => {
                return Some(matches_list(patterns.iter().map(String::as_str), host));
            }
            Self::Match(criteria) => criteria,
        };
        let mut all = Some(true);
        for Criterion { negated, name, value } in criteria {
            let fits = |text| Some(matches_list(value.split(','), text));
            let holds = match &**name {
                "all" => Some(true),
                "final" | "canonical" => is_final,
                "host" => fits(host_name),
                "originalhost" => fits(original),
                _ => None,
            };
            match holds.map(|holds| holds != *negated) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => all = None,
            }
        }
        all
    }

    /// The host patterns that it names. A negated one names nobody.
    #[must_use]
    pub fn host_patterns(&self) -> Vec<&str> {
        let found: Vec<&str> = match self {
            Self::Host(patterns) => patterns.iter().map(String::as_str).collect(),
            Self::Match(criteria) => criteria
                .iter()
                .filter(|c| !c.negated && matches!(&*c.name, "host" | "originalhost"))
                .flat_map(|c| c.value.split(','))
                .collect(),
        };
        found.into_iter().filter(|pattern| !pattern.starts_with('!')).collect()
    }

    /// The commands that ssh runs to see whether it applies.
    #[must_use]
    pub fn commands(&self) -> Vec<&str> {
        let Self::Match(criteria) = self else { return Vec::new() };
        criteria.iter().filter(|c| c.name == "exec").map(|c| c.value.as_str()).collect()
    }
}

/// One condition of a `Match` line (`ssh_config(5)`, Match).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// True if it must not hold.
    pub negated: bool,
    /// Its name, in lower case: ssh knows no case there.
    pub name: String,
    /// Its value; empty for `all`, `canonical` and `final`.
    pub value: String,
}

/// The conditions of a `Match` line with these arguments. To ssh a `=` is as good as a space.
fn criteria(arguments: &[String]) -> Vec<Criterion> {
    let mut words = arguments.iter().map(String::as_str).peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let (negated, word) = word.strip_prefix('!').map_or((false, word), |word| (true, word));
        let (name, given) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
        let name = name.to_ascii_lowercase();
        let value = match given {
            _ if matches!(&*name, "all" | "canonical" | "final") => "",
            Some(value) if !value.is_empty() => value,
            Some(_) => words.next().unwrap_or_default(),
            None => {
                let is_alone = words.next_if_eq(&"=").is_some();
                let next = words.next().unwrap_or_default();
                next.strip_prefix('=').filter(|_| !is_alone).unwrap_or(next)
            }
        };
        found.push(Criterion { negated, name, value: value.to_owned() });
    }
    found
}

/// The lines of `text` that ssh acts upon, in order: no comments, no empty lines.
pub fn directives(text: &[u8]) -> impl Iterator<Item = Directive<'_>> {
    let mut start = 0;
    text.split_inclusive(|&byte| byte == b'\n').enumerate().filter_map(move |(index, line)| {
        let range = start..start + line.len();
        start = range.end;
        let (keyword, rest) = split(line)?;
        Some(Directive { line: index + 1, range, keyword, rest })
    })
}

/// Returns whether `text` fits a pattern of ssh's (`ssh_config(5)`, PATTERNS): `*` is any number of
/// characters, `?` is one.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut of) = (0, 0);
    // Where to go on when a star must take one character more.
    let mut retry = None;
    while at < text.len() {
        match pattern.get(of) {
            Some(b'*') => {
                retry = Some((of + 1, at));
                of += 1;
            }
            Some(&byte) if byte == b'?' || Some(&byte) == text.get(at) => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((behind, from)) = retry else { return false };
                retry = Some((behind, from + 1));
                (of, at) = (behind, from + 1);
            }
        }
    }
    pattern.get(of..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

/// Returns whether `text` fits a list of patterns: one of them matches it, and none that is negated.
#[must_use]
pub fn matches_list<'p>(patterns: impl IntoIterator<Item = &'p str>, text: &str) -> bool {
    let mut is_named = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, text) => return false,
            Some(_) => {}
            None => is_named |= matches(pattern, text),
        }
    }
    is_named
}

/// Reads the paths of `Include` lines as ssh does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludeResolver {
    /// The user's home in the password database, which ssh takes instead of `$HOME`.
    pub home: PathBuf,
    /// Our index file, under every absolute path that leads to it.
    pub index: Vec<PathBuf>,
}

/// As `ssh_config(5)` says of Include: a `*` stops at a slash, and does not match a leading dot.
pub(super) const AS_SSH: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl IncludeResolver {
    /// The path of an `Include` argument: one that is not absolute is under the home's `.ssh`.
    ///
    /// `None` for another user's home, and for what is no text.
    #[must_use]
    pub fn resolve(&self, argument: &[u8]) -> Option<PathBuf> {
        let argument = std::str::from_utf8(argument).ok()?;
        let path = match argument.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) => self.home.join(rest.strip_prefix('/')?.trim_start_matches('/')),
            None => self.home.join(".ssh").join(argument),
        };
        // As written, without the doubled slashes and single dots that mean nothing.
        Some(path.components().filter(|part| *part != Component::CurDir).collect())
    }

    pub(super) fn leads_to_index(&self, argument: &[u8]) -> bool {
        let Some(path) = self.resolve(argument) else { return false };
        let Some(pattern) = path.to_str().and_then(|path| Pattern::new(path).ok()) else {
            return self.index.contains(&path);
        };
        self.index.iter().any(|index| *index == path || pattern.matches_path_with(index, AS_SSH))
    }
}

/// As deep as ssh itself follows `Include` lines.
const DEPTH_MAX: usize = 16;

/// One line, and for whom it counts.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The file that it stands in.
    pub file: &'a Path,
    /// The line itself.
    pub directive: &'a Directive<'a>,
    /// The block that it starts.
    pub starts: Option<&'a Block>,
    /// The blocks that it belongs to, all of which must fit: those of the `Include` lines that led
    /// here, and its own. A `Host` or `Match` line belongs to none of its own file.
    pub blocks: &'a [Block],
    /// True if it includes our index.
    pub includes_us: bool,
}

/// Files, each with its contents.
pub type Files = Vec<(PathBuf, Vec<u8>)>;

/// Reads a configuration in the order in which ssh reads it, from file to file.
pub struct ConfigReader<'r> {
    /// Finds the paths of `Include` lines.
    pub resolver: IncludeResolver,
    /// Returns every file that such a path with its wildcards leads to.
    pub read: Box<dyn Fn(&Path) -> Files + 'r>,
}

impl ConfigReader<'_> {
    /// Calls `visit` for each line of `config` and of what it includes, our own files aside. What it
    /// returns for an `Include` says whether to follow it; no file is read twice.
    pub fn walk(&self, config: (&Path, &[u8]), visit: &mut dyn FnMut(&Line<'_>) -> bool) {
        let mut seen = HashSet::from([config.0.to_owned()]);
        self.file(config, &mut Vec::new(), 0, &mut seen, visit);
    }

    fn file(
        &self,
        (file, text): (&Path, &[u8]),
        blocks: &mut Vec<Block>,
        depth: usize,
        seen: &mut HashSet<PathBuf>,
        visit: &mut dyn FnMut(&Line<'_>) -> bool,
    ) {
        let outer = blocks.len();
        for directive in directives(text) {
            let starts = directive.block();
            if starts.is_some() {
                blocks.truncate(outer);
            }
            let is_include = &*directive.keyword == b"include";
            let arguments = if is_include { directive.arguments() } else { Vec::new() };
            let includes_us = arguments.iter().any(|path| self.resolver.leads_to_index(path));
            let line =
                Line { file, directive: &directive, starts: starts.as_ref(), blocks, includes_us };
            let follow = visit(&line);
            blocks.extend(starts);
            if follow && depth < DEPTH_MAX {
                let paths = arguments.iter().filter_map(|path| self.resolver.resolve(path));
                for (file, text) in paths.flat_map(|path| (self.read)(&path)) {
                    if seen.insert(file.clone()) {
                        self.file((&file, &text), blocks, depth + 1, seen, visit);
                    }
                }
            }
        }
        blocks.truncate(outer);
    }
}

/// A line's keyword and what follows it; nothing for a comment or an empty line.
fn split(line: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    // To ssh a line is a C string, which ends at its first NUL.
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let line = skip_white(line);
    if line.first().is_none_or(|&byte| byte == b'#') {
        return None;
    }
    let (keyword, rest) = match line.strip_prefix(b"\"") {
        Some(quoted) => cut(quoted, |byte| byte == b'"'),
        None => cut(line, |byte| byte == b'=' || byte == b'"' || WHITE.contains(&byte)),
    };
    let rest = skip_white(rest.strip_prefix(b"\"").unwrap_or(rest));
    let rest = skip_white(rest.strip_prefix(b"=").unwrap_or(rest));
    let keyword = if keyword.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(keyword.to_ascii_lowercase())
    } else {
        Cow::Borrowed(keyword)
    };
    Some((keyword, rest))
}

/// As ssh's `argv_split`: quotes of both kinds, a backslash before a quote or a backslash, and a
/// comment at the end.
fn arguments(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    loop {
        rest = skip_white(rest);
        if rest.first().is_none_or(|&byte| byte == b'#') {
            return found;
        }
        let mut argument = Vec::new();
        let mut quote = None;
        while let Some((&byte, after)) = rest.split_first() {
            match (byte, quote, after.first()) {
                (b'\\', _, Some(&next @ (b'"' | b'\'' | b'\\'))) => {
                    argument.push(next);
                    rest = after.get(1..).unwrap_or_default();
                    continue;
                }
                (b'\\', None, Some(b' ')) => {
                    argument.push(b' ');
                    rest = after.get(1..).unwrap_or_default();
                    continue;
                }
                (b'"' | b'\'', None, _) => quote = Some(byte),
                (_, Some(open), _) if open == byte => quote = None,
                (_, None, _) if WHITE.contains(&byte) => break,
                _ => argument.push(byte),
            }
            rest = after;
        }
        found.push(argument);
    }
}

fn skip_white(text: &[u8]) -> &[u8] {
    let white = text.iter().take_while(|byte| WHITE.contains(byte)).count();
    text.get(white..).unwrap_or_default()
}

fn cut(text: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let at = text.iter().position(|&byte| ends(byte)).unwrap_or(text.len());
    text.split_at(at)
}

#[cfg(test)]
impl<'r> ConfigReader<'r> {
    /// A reader of files that are on no disk, below the home `/h`.
    pub(super) fn of(files: &'r [(&str, &str)]) -> Self {
        let read = |path: &Path| {
            let matching = files.iter().filter(|(name, _)| Path::new(name) == path);
            matching.map(|(name, text)| (name.into(), text.as_bytes().to_owned())).collect()
        };
        let index = vec!["/h/.ssh/prime-ssh/config".into()];
        Self { resolver: IncludeResolver { home: "/h".into(), index }, read: Box::new(read) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Vec<String>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
        let (keyword, rest) = split(line.as_bytes())?;
        Some((text(&keyword), arguments(rest).iter().map(|argument| text(argument)).collect()))
    }

    #[test]
    fn keywords_and_arguments_in_every_dress() {
        for line in [
            "Include a b",
            "\tinclude=a b\r\n",
            "INCLUDE = a   b  # why",
            "\"Include\" \"a\" 'b'",
            "Include \"a\"\t\"b\"",
            "Include a b\0 c",
        ] {
            let expected = ("include".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
            assert_eq!(read(line), Some(expected), "{line:?}");
        }
        let one = |line| read(line).unwrap().1;
        assert_eq!(one("Include \"a b\""), ["a b"]);
        assert_eq!(one(r"Include a\ b"), ["a b"]);
        assert_eq!(one(r#"Include a\"b"#), ["a\"b"]);
        assert_eq!(one("Include 'a # b"), ["a # b"]);
        assert!(one("Include").is_empty());
        for line in ["", " \t\r\n", "# Include a", "  #", "\0Include a"] {
            assert_eq!(read(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_match_in_every_dress() {
        let told = |line: &str| {
            let directive = directives(line.as_bytes()).next().unwrap();
            let Some(Block::Match(criteria)) = directive.block() else { panic!("{line}") };
            let told = |c: Criterion| {
                let not = if c.negated { "!" } else { "" };
                format!("{not}{}:{}", c.name, c.value)
            };
            criteria.into_iter().map(told).collect::<Vec<_>>().join(" ")
        };
        for line in ["Match host a,b", "match=HOST=a,b", "Match Host = \"a,b\"", "Match host =a,b"]
        {
            assert_eq!(told(line), "host:a,b", "{line}");
        }
        assert_eq!(told("Match final !user me all"), "final: !user:me all:");
        assert_eq!(told("Match exec=\"test a = b\" host"), "exec:test a = b host:");
        assert_eq!(told("Match exec \"a=b c\""), "exec:a=b c");
    }

    #[test]
    fn patterns_are_those_of_ssh() {
        for (pattern, text) in
            [("*", ""), ("*", "a"), ("a*c", "abbc"), ("?b*", "ab"), ("a*b*c", "axbxbxc"), ("", "")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("?", ""),
            ("a*c", "abcd"),
            ("[ab]", "a"),
            ("A", "a"),
            ("a?", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn lines_know_their_place() {
        let text = b"# one\r\n\nHost a\n  User b\nMatch all";
        let found: Vec<_> = directives(text).map(|d| (d.line, d.block().is_some())).collect();
        assert_eq!(found, [(3, true), (4, false), (5, true)]);
        let ranges: Vec<_> = directives(text).map(|d| d.range).collect();
        assert_eq!(ranges, [8..15, 15..24, 24..33]);
    }

    /// Each line as `file:line keyword [blocks]`; the include of us with a `!`.
    fn walked(files: &[(&str, &str)]) -> Vec<String> {
        let mut lines = Vec::new();
        let (name, text) = files[0];
        ConfigReader::of(files).walk((Path::new(name), text.as_bytes()), &mut |line| {
            let told = |block: &Block| match block {
                Block::Host(patterns) => patterns.join(" "),
                Block::Match(criteria) => criteria.iter().map(|c| &*c.name).collect(),
            };
            let blocks: Vec<_> = line.blocks.iter().map(told).collect();
            let keyword = String::from_utf8_lossy(&line.directive.keyword).into_owned();
            let mark = if line.includes_us { "!" } else { "" };
            lines.push(format!(
                "{}:{} {keyword}{mark} [{}]",
                line.file.display(),
                line.directive.line,
                blocks.join(", ")
            ));
            true
        });
        lines
    }

    #[test]
    fn lines_come_in_the_order_of_ssh_with_the_blocks_that_they_belong_to() {
        let found = walked(&[
            (
                "/c",
                "User a\nInclude prime-ssh/config\nHost b\n  Include /d\n  Port 1\nMatch all\n User c",
            ),
            ("/d", "User d\nHost e f\n  User g"),
        ]);
        let expected = [
            "/c:1 user []",
            "/c:2 include! []",
            "/c:3 host []",
            "/c:4 include [b]",
            "/d:1 user [b]",
            "/d:2 host [b]",
            "/d:3 user [b, e f]",
            "/c:5 port [b]",
            "/c:6 match []",
            "/c:7 user [all]",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn includes_that_go_in_circles_end() {
        assert_eq!(walked(&[("/c", "Include /c /d\n"), ("/d", "Include /c /d\n")]).len(), 2);
    }
}
