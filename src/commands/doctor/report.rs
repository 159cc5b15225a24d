//! Prints the findings, for people and for programs, and a summary.

use serde::Serialize;

use crate::cli::ReportFormat;
use crate::commands::report;
use crate::doctor::{Finding, State};
use crate::failure::{Failure, Kind, Outcome};
use crate::terminal::Terminal;
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::text::message::counted;
use crate::text::shell;

/// Prints the findings, the worst last: that is where people look.
pub(super) fn print(format: ReportFormat, findings: &[Finding]) -> Outcome<()> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.state, finding.check));
    let table = match format {
        ReportFormat::Plain => plain(&sorted),
        ReportFormat::Table | ReportFormat::Json => for_people(&sorted),
    };
    let version = env!("CARGO_PKG_VERSION");
    let state = sorted.last().map_or(State::Ok, |finding| finding.state);
    report::print(format, [&table], &table, &Report { version, state, findings: sorted })
}

/// Sums up on stderr and in the exit code.
pub(super) fn sum_up(findings: &[Finding], terminal: Terminal) -> Outcome<()> {
    let [wrong, warnings] = [State::Wrong, State::Warning]
        .map(|state| findings.iter().filter(|finding| finding.state == state).count());
    let also = counted(warnings, "warning");
    let text = match (wrong, warnings) {
        (0, 0) => "all checks passed".to_owned(),
        (0, _) => format!("nothing is wrong; {also}"),
        (1, 0) => "1 thing is wrong".to_owned(),
        (1, _) => format!("1 thing is wrong, and {also}"),
        (_, 0) => format!("{wrong} things are wrong"),
        _ => format!("{wrong} things are wrong, and {also}"),
    };
    if wrong > 0 {
        return Err(Failure::message(Kind::Hosts, text));
    }
    terminal.tell(text);
    Ok(())
}

/// The object of `--format json`.
#[derive(Serialize)]
struct Report<'f> {
    /// The version of this program.
    version: &'static str,
    /// The worst of all findings.
    state: State,
    findings: Vec<&'f Finding>,
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

/// One line for each, and what to do below it. A command is not broken, so that it can be copied.
fn for_people(findings: &[&Finding]) -> Table {
    let mut table = Table::new([Column::whole(""), Column::whole(""), Column::wrapped("")]);
    for finding in findings {
        let state = Cell::new(finding.state).tone(tone(finding.state));
        table.row([state, Cell::new(finding.check), Cell::new(text(finding))]);
        let advice = finding.advice.iter().map(|advice| Cell::new(format_args!("fix: {advice}")));
        let command = finding.command.iter();
        let command = command.map(|command| Cell::new(format_args!("fix: {command}")).whole());
        for fix in advice.chain(command) {
            table.row([Cell::default(), Cell::default(), fix]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Check;

    fn written(findings: &[Finding], width: Option<usize>) -> String {
        let findings: Vec<&Finding> = findings.iter().collect();
        let mut text = Vec::new();
        for_people(&findings).write(&mut text, width, false).unwrap();
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
