//! Prints the findings, for people and for programs, and a summary.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::cli::ReportFormat;
use crate::commands::report;
use crate::doctor::{Finding, State};
use crate::failure::{Failure, Kind, Outcome};
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::terminal::{Terminal, stdout_width};
use crate::text::shell;

/// The least number of columns for the text of a finding.
const LEAST: usize = 24;
/// Between two columns of a table.
const GAP: usize = 2;

/// Prints the findings, the worst last: that is where people look.
pub(super) fn print(format: ReportFormat, findings: &[Finding]) -> Outcome<()> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.state, finding.check));
    let table = match format {
        ReportFormat::Plain => plain(&sorted),
        ReportFormat::Table | ReportFormat::Json => for_people(&sorted, stdout_width()),
    };
    let version = env!("CARGO_PKG_VERSION");
    let findings = sorted.iter().map(|finding| JsonFinding::of(finding)).collect();
    report::print(format, &table, &Report { version, state: worst(&sorted), findings })
}

/// Sums up on stderr and in the exit code.
pub(super) fn sum_up(findings: &[Finding], terminal: Terminal) -> Outcome<()> {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let warnings = match count(State::Warning) {
        0 => None,
        1 => Some("1 warning".to_owned()),
        many => Some(format!("{many} warnings")),
    };
    let wrong = match (count(State::Wrong), &warnings) {
        (0, None) => {
            terminal.tell("all checks passed");
            return Ok(());
        }
        (0, Some(warnings)) => {
            terminal.tell(format_args!("nothing is wrong; {warnings}"));
            return Ok(());
        }
        (1, _) => "1 thing is wrong".to_owned(),
        (many, _) => format!("{many} things are wrong"),
    };
    let also = warnings.map(|warnings| format!(", and {warnings}")).unwrap_or_default();
    Err(Failure::message(Kind::Hosts, format!("{wrong}{also}")))
}

fn worst(findings: &[&Finding]) -> State {
    findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok)
}

/// The object of `--format json`.
#[derive(Serialize)]
struct Report {
    /// The version of this program.
    version: &'static str,
    /// The worst of all findings.
    state: State,
    findings: Vec<JsonFinding>,
}

/// A finding in it.
#[derive(Serialize)]
struct JsonFinding {
    state: State,
    check: crate::doctor::Check,
    what: String,
    file: Option<String>,
    line: Option<usize>,
    advice: Option<String>,
    command: Option<String>,
}

impl JsonFinding {
    fn of(finding: &Finding) -> Self {
        let Finding { state, check, what, file, line, advice, command } = finding.clone();
        let file = file.map(|file| file.to_string_lossy().into_owned());
        Self { state, check, what, file, line, advice, command }
    }
}

/// One line for each, with every field.
fn plain(findings: &[&Finding]) -> Table {
    let columns = ["", "", "", "", "", "", ""].map(Column::whole);
    let mut table = Table::new(columns);
    for finding in findings {
        table.row([
            Cell::new(finding.check),
            Cell::new(finding.state),
            Cell::new(&finding.what),
            Cell::given(finding.file.as_ref().map(|file| file.display())),
            Cell::given(finding.line),
            Cell::given(finding.advice.as_ref()),
            Cell::given(finding.command.as_ref()),
        ]);
    }
    table
}

/// One line for each, and what to do below it. Text wraps at the width of the terminal; a command
/// does not, so that it can be copied.
fn for_people(findings: &[&Finding], width: Option<usize>) -> Table {
    let mut table = Table::new(["", "", ""].map(Column::whole));
    let widest = |text: fn(&Finding) -> String| {
        findings.iter().map(|finding| text(finding).width()).max().unwrap_or_default()
    };
    let before = widest(|f| f.state.to_string()) + widest(|f| f.check.to_string()) + 2 * GAP;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before).max(LEAST));
    for finding in findings {
        let tone = tone(finding.state);
        let mut lines = wrapped(&text(finding), room).into_iter();
        let first = lines.next().unwrap_or_default();
        let state = Cell::new(finding.state).tone(tone);
        table.row([state, Cell::new(finding.check), Cell::new(first)]);
        let mut more =
            |text: String| table.row([Cell::default(), Cell::default(), Cell::new(text)]);
        lines.for_each(&mut more);
        if let Some(advice) = &finding.advice {
            let advice = wrapped(&format!("fix: {advice}"), room);
            advice.into_iter().for_each(&mut more);
        }
        if let Some(command) = &finding.command {
            more(format!("fix: {command}"));
        }
    }
    table
}

/// The place and the text, as compilers write them.
fn text(finding: &Finding) -> String {
    let Finding { what, file, line, .. } = finding;
    match (file.as_deref().map(shell::path), line) {
        (Some(file), Some(line)) => format!("{file}:{line}: {what}"),
        (Some(file), None) => format!("{file}: {what}"),
        (None, _) => what.clone(),
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Ok => Tone::Good,
        State::Note => Tone::Dim,
        State::Warning => Tone::Waiting,
        State::Wrong => Tone::Bad,
    }
}

/// The text in lines of at most so many columns, except for longer words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Check;

    fn written(findings: &[Finding], width: Option<usize>) -> String {
        let findings: Vec<&Finding> = findings.iter().collect();
        let mut text = Vec::new();
        for_people(&findings, width).write(&mut text, width, false).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok(Check::Token, "from PRIME_API_KEY; the API takes it"),
            Finding::wrong(Check::Permissions, "has mode 0666, and ssh stops at it")
                .at_line("/home/me/.ssh/config".as_ref(), 3)
                .advise("see to it that nobody else writes it")
                .run(["chmod", "go-w", "/home/me/.ssh/config"]),
        ]
    }

    #[test]
    fn a_finding_says_what_and_where_and_what_to_do() {
        insta::assert_snapshot!(written(&findings(), None), @r"
        ok     token        from PRIME_API_KEY; the API takes it
        wrong  permissions  /home/me/.ssh/config:3: has mode 0666, and ssh stops at it
                            fix: see to it that nobody else writes it
                            fix: chmod go-w /home/me/.ssh/config
        ");
    }

    #[test]
    fn words_are_wrapped_and_a_command_stays_whole() {
        insta::assert_snapshot!(written(&findings(), Some(44)), @r"
        ok     token        from PRIME_API_KEY; the
                            API takes it
        wrong  permissions  /home/me/.ssh/config:3:
                            has mode 0666, and ssh
                            stops at it
                            fix: see to it that
                            nobody else writes it
                            fix: chmod go-w /home/me/.ssh/config
        ");
        assert!(written(&findings(), Some(1)).contains("fix: chmod go-w /home/me/.ssh/config\n"));
    }
}
