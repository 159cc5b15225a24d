//! The changes of a plan as a unified diff.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::plan::Change;
use crate::text::sanitize::sanitize;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// Writes what would change, file by file.
pub fn write(changes: &[Change], colored: bool, to: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { colored };
    for change in changes {
        let path = change.path.display().to_string();
        if change.before == change.after {
            paint.line(to, AnsiColor::Cyan, &format!("mode of {path}: 0600\n"))?;
            continue;
        }
        let name = |there: bool| if there { &*path } else { "/dev/null" };
        paint.line(to, AnsiColor::Cyan, &format!("--- {}\n", name(change.before.is_some())))?;
        paint.line(to, AnsiColor::Cyan, &format!("+++ {}\n", name(change.after.is_some())))?;
        let (before, after) = (text(change.before.as_deref()), text(change.after.as_deref()));
        hunks(&before, &after, &paint, to)?;
    }
    Ok(())
}

fn text(bytes: Option<&[u8]>) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.unwrap_or_default())
}

fn hunks(before: &str, after: &str, paint: &Paint, to: &mut dyn Write) -> io::Result<()> {
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        paint.line(to, AnsiColor::Cyan, &format!("{}\n", hunk.header()))?;
        for change in hunk.iter_changes() {
            let (sign, color) = match change.tag() {
                ChangeTag::Delete => ('-', Some(AnsiColor::Red)),
                ChangeTag::Insert => ('+', Some(AnsiColor::Green)),
                ChangeTag::Equal => (' ', None),
            };
            let line = format!("{sign}{}", change.value());
            match color {
                Some(color) => paint.line(to, color, &line)?,
                None => paint.plain(to, &line)?,
            }
            if change.missing_newline() {
                to.write_all(b"\n\\ No newline at end of file\n")?;
            }
        }
    }
    Ok(())
}

/// For a terminal, in colours and with nothing that acts on it; for anything else, byte for byte.
struct Paint {
    colored: bool,
}

impl Paint {
    fn line(&self, to: &mut dyn Write, color: AnsiColor, line: &str) -> io::Result<()> {
        if !self.colored {
            return to.write_all(line.as_bytes());
        }
        let style: Style = color.on_default();
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        write!(to, "{style}{}{style:#}{end}", sanitize(text))
    }

    fn plain(&self, to: &mut dyn Write, line: &str) -> io::Result<()> {
        if !self.colored {
            return to.write_all(line.as_bytes());
        }
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        write!(to, "{}{end}", sanitize(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::plan::Owner;

    fn diff(changes: &[(Option<&str>, Option<&str>)], colored: bool) -> String {
        let changes: Vec<_> = changes
            .iter()
            .map(|(before, after)| Change {
                path: "/s/config".into(),
                owner: Owner::User,
                before: before.map(|text| text.as_bytes().to_owned()),
                after: after.map(|text| text.as_bytes().to_owned()),
                is_included: false,
            })
            .collect();
        let mut bytes = Vec::new();
        write(&changes, colored, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn files_that_come_change_and_go() {
        insta::assert_snapshot!(
            diff(
                &[
                    (None, Some("Include x\n")),
                    (Some("Host a\n  User b"), Some("Include x\nHost a\n  User b")),
                    (Some(""), None),
                    (Some("same"), Some("same")),
                ],
                false
            ),
            @r"
        --- /dev/null
        +++ /s/config
        @@ -0,0 +1 @@
        +Include x
        --- /s/config
        +++ /s/config
        @@ -1,2 +1,3 @@
        +Include x
         Host a
           User b
        \ No newline at end of file
        --- /s/config
        +++ /dev/null
        mode of /s/config: 0600
        "
        );
    }

    #[test]
    fn on_a_terminal_nothing_of_a_file_acts() {
        let shown = diff(&[(Some("a\u{1b}[2J\n"), Some("b\n"))], true);
        assert!(shown.contains("-a\\u{1b}[2J") && shown.contains("\u{1b}[31m"), "{shown:?}");
    }
}
