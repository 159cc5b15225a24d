//! The lines of an ssh configuration as ssh itself reads them (readconf.c and misc.c of OpenSSH).

use std::borrow::Cow;
use std::ops::Range;

/// What separates a keyword and its arguments.
const WHITE: &[u8] = b" \t\r\n";

/// One line that holds a keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    /// Counted from 1, as in ssh's own messages.
    pub line: usize,
    /// Where the line stands in the text, with its ending.
    pub range: Range<usize>,
    /// The keyword in lower case: ssh knows no case there.
    pub keyword: Cow<'a, [u8]>,
    rest: &'a [u8],
}

impl Directive<'_> {
    /// What follows the keyword, split at white space, without quotes.
    #[must_use]
    pub fn arguments(&self) -> Vec<Vec<u8>> {
        arguments(self.rest)
    }

    /// The same where they are text.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.arguments().into_iter().filter_map(|text| String::from_utf8(text).ok()).collect()
    }

    /// The host patterns that a `Host` or `Match` line names. A negated one names nobody.
    #[must_use]
    pub fn host_patterns(&self) -> Vec<String> {
        let texts = self.texts();
        let found: Vec<String> = match &*self.keyword {
            b"host" => texts,
            b"match" => criteria(&texts)
                .into_iter()
                .filter(|c| !c.negated && matches!(&*c.name, "host" | "originalhost"))
                .flat_map(|c| c.value.split(',').map(str::to_owned).collect::<Vec<_>>())
                .collect(),
            _ => Vec::new(),
        };
        found.into_iter().filter(|pattern| !pattern.starts_with('!')).collect()
    }

    /// Whether this line starts a block, so that what follows counts for some hosts only.
    #[must_use]
    pub fn starts_block(&self) -> bool {
        matches!(&*self.keyword, b"host" | b"match")
    }
}

/// One condition of a `Match` line (`ssh_config(5)`, Match).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// Whether it must not hold.
    pub negated: bool,
    /// What it is about, in lower case: ssh knows no case there.
    pub name: String,
    /// What that must be; empty for `all`, `canonical` and `final`.
    pub value: String,
}

/// The conditions of a `Match` line with these arguments. To ssh a `=` is as good as a space.
#[must_use]
pub fn criteria(arguments: &[String]) -> Vec<Criterion> {
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

/// Whether `text` fits a pattern of ssh's (`ssh_config(5)`, PATTERNS): `*` is any number of
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

/// Whether `text` fits a list of patterns: one of them matches it, and none that is negated.
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
            let told = |c: Criterion| {
                let not = if c.negated { "!" } else { "" };
                format!("{not}{}:{}", c.name, c.value)
            };
            criteria(&directive.texts()).into_iter().map(told).collect::<Vec<_>>().join(" ")
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
        let found: Vec<_> = directives(text).map(|d| (d.line, d.starts_block())).collect();
        assert_eq!(found, [(3, true), (4, false), (5, true)]);
        let ranges: Vec<_> = directives(text).map(|d| d.range).collect();
        assert_eq!(ranges, [8..15, 15..24, 24..33]);
    }
}
