//! Errors in a template, with their place.

use std::error::Error as _;
use std::ops::Range;

use minijinja::{Error, ErrorKind};

use crate::text::sanitize::excerpt;

/// An error in a template, with its line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}{}: {what}", .line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct Fault {
    name: String,
    line: Option<usize>,
    what: String,
    /// The line of the template, and a mark below what is meant where that is known.
    pub excerpt: Vec<String>,
    /// The next step for the user.
    pub hint: Option<&'static str>,
}

/// The most characters of a line that are shown.
const WIDTH: usize = 100;
/// The most characters of the engine's words that are shown.
const WORDS: usize = 300;

const NO_FILES: &str = "a template cannot include other files here";
const FILTERS: &str = "besides Jinja's filters there are slug, group, sh, and json; use json for \
 `tojson`";
const NO_NAMESPACE: &str = "a loop keeps no values from one iteration to the next; \
    `hosts[:loop.index0] | sum(attribute=\"gpu_count\")` adds up what came before";
const NO_METHODS: &str = "Python's methods are filters here, as in {{ x | split(\".\") }}";

impl Fault {
    /// An error in a template as a whole.
    pub(super) fn of_all(name: &str, what: String) -> Self {
        Self { name: name.to_owned(), line: None, what, excerpt: Vec::new(), hint: None }
    }

    /// An error that the engine found in the template `name` with this text.
    pub(super) fn of(error: &Error, name: &str, text: &str) -> Self {
        let line = error.line();
        let marked = line.and_then(|line| marked_line(text, line, error.range()));
        Self {
            name: name.to_owned(),
            line,
            what: excerpt(&words(error), WORDS),
            excerpt: marked.unwrap_or_default(),
            hint: hint(error),
        }
    }
}

fn words(error: &Error) -> String {
    let mut words = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => {
            "it computes or writes too much: more than any list of these hosts can need".to_owned()
        }
        (ErrorKind::SyntaxError, Some(detail)) => format!("syntax error: {detail}"),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    if let Some(source) = error.source().and_then(|source| source.downcast_ref::<Error>()) {
        words.push_str(": ");
        words.push_str(&self::words(source));
    }
    words
}

fn hint(error: &Error) -> Option<&'static str> {
    let detail = error.detail().unwrap_or_default();
    let is_unknown =
        |words: &[&str]| words.iter().any(|word| detail.ends_with(&format!(" {word}")));
    match error.kind() {
        ErrorKind::SyntaxError
            if detail.starts_with("unknown statement")
                && is_unknown(&["include", "import", "from", "extends", "block"]) =>
        {
            Some(NO_FILES)
        }
        ErrorKind::UnknownFilter => Some(FILTERS),
        ErrorKind::UnknownFunction if detail.starts_with("namespace ") => Some(NO_NAMESPACE),
        ErrorKind::UnknownMethod => Some(NO_METHODS),
        _ => None,
    }
}

/// The line, and a mark below what is meant where that is known.
fn marked_line(text: &str, line: usize, range: Option<Range<usize>>) -> Option<Vec<String>> {
    let above: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let content = text.get(above..)?.lines().next()?;
    let shown = format!("{line} | {}", excerpt(content, WIDTH));
    let marked = range.and_then(|range| {
        let (from, to) = (range.start.checked_sub(above)?, range.end.checked_sub(above)?);
        Some((content.get(..from)?, content.get(from..to.min(content.len()))?))
    });
    let Some((before, meant)) = marked else { return Some(vec![shown]) };
    // As wide as they are shown.
    let width = |text| excerpt(text, WIDTH).chars().count();
    let (before, meant) = (width(before), width(meant).max(1));
    if before + meant > WIDTH {
        return Some(vec![shown]);
    }
    let gutter = " ".repeat(line.to_string().len());
    Some(vec![shown, format!("{gutter} | {}{}", " ".repeat(before), "^".repeat(meant))])
}
