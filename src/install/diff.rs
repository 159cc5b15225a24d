//! The changes of a plan as a unified diff.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::plan::Change;
use crate::text::sanitize::sanitize;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// The time to look for the shortest diff of a file. Where every one of 10,000 hosts changed it
/// may be longer than it needs to be.
const TIME: Duration = Duration::from_secs(1);

/// Writes what would change, file by file.
pub fn write(changes: &[&Change], colored: bool, to: &mut dyn Write) -> io::Result<()> {
    let head =
        |to: &mut dyn Write, text: String| paint(to, colored, AnsiColor::Cyan.on_default(), &text);
    for change in changes {
        let path = change.path.display().to_string();
        if change.before == change.after {
            head(to, format!("mode of {path}: 0600\n"))?;
            continue;
        }
        let name = |there: bool| if there { &*path } else { "/dev/null" };
        head(to, format!("--- {}\n", name(change.before.is_some())))?;
        head(to, format!("+++ {}\n", name(change.after.is_some())))?;
        let text = |bytes: &Option<Vec<u8>>| {
            String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
        };
        let (before, after) = (text(&change.before), text(&change.after));
        let diff = TextDiff::configure().timeout(TIME).diff_lines(&before, &after);
        for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
            head(to, format!("{}\n", hunk.header()))?;
            for change in hunk.iter_changes() {
                let (sign, style) = match change.tag() {
                    ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                    ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                    ChangeTag::Equal => (' ', Style::new()),
                };
                paint(to, colored, style, &format!("{sign}{}", change.value()))?;
                if change.missing_newline() {
                    to.write_all(b"\n\\ No newline at end of file\n")?;
                }
            }
        }
    }
    Ok(())
}

/// Writes a line: for a terminal in color and with nothing that acts on it, for anything else byte
/// for byte.
fn paint(to: &mut dyn Write, colored: bool, style: Style, line: &str) -> io::Result<()> {
    if !colored {
        return to.write_all(line.as_bytes());
    }
    let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
    write!(to, "{style}{}{style:#}{end}", sanitize(text))
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
            })
            .collect();
        let mut bytes = Vec::new();
        let changes: Vec<&Change> = changes.iter().collect();
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
