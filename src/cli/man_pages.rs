//! Manual pages, of the same words as the help.

use std::fmt::Write;

use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

use crate::cli::{SETTINGS, VARIABLES, exit_codes, program};

/// The section of programs that users run.
const SECTION: &str = "1";

/// A manual page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The command that it is about; none for the program itself.
    pub command: Option<String>,
    /// What its file is called: `prime-ssh-install.1`.
    pub file: String,
    /// The page, as man(7) has it.
    pub text: String,
}

/// The page of the program, and one of each command.
#[must_use]
pub fn pages() -> Vec<Page> {
    // `prime-ssh help` prints what these pages say.
    let mut program = program().disable_help_subcommand(true);
    program.build();
    let commands = || program.get_subcommands().filter(|command| !command.is_hide_set());
    let titles: Vec<String> = [&program].into_iter().chain(commands()).map(title).collect();
    let page = |about: &Command, command: Option<&str>| {
        let title = title(about);
        let others = titles.iter().filter(|other| **other != title);
        let text = as_typed(&text(about, &title, others));
        Page { command: command.map(str::to_owned), file: format!("{title}.{SECTION}"), text }
    };
    let of_commands = commands().map(|command| page(command, Some(command.get_name())));
    [page(&program, None)].into_iter().chain(of_commands).collect()
}

/// What a page is called: `prime-ssh-install`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn text<'a>(about: &Command, title: &str, others: impl Iterator<Item = &'a String>) -> String {
    let mut page = Roff::new();
    let release = format!("prime-ssh {}", about.get_version().unwrap_or_default());
    // No date: the same release gives the same page.
    page.control("TH", [&*title.to_uppercase(), SECTION, "\"\"", &release, "prime-ssh"]);
    let brief = about.get_about().map(ToString::to_string).unwrap_or_default();
    page.control("SH", ["NAME"]).text([roman(format!("{title} - {brief}"))]);
    let usage = about.clone().render_usage().to_string();
    let name = about.get_bin_name().unwrap_or(title);
    let usage = usage.trim_start_matches("Usage: ").trim_start_matches(name);
    page.control("SH", ["SYNOPSIS"]).text([bold(name), roman(usage)]);
    page.control("SH", ["DESCRIPTION"]);
    let long = about.get_long_about().map_or(brief, ToString::to_string);
    paragraphs(&mut page, &long);
    commands(&mut page, about);
    options(&mut page, about);
    page.control("SH", ["ENVIRONMENT"]).text([roman(SETTINGS)]);
    if about.has_subcommands() {
        page.text([roman("These have no option:")]);
        for (name, meaning) in VARIABLES {
            entry(&mut page, name, meaning);
        }
    }
    page.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit_codes() {
        entry(&mut page, &code.to_string(), meaning);
    }
    see_also(&mut page, others);
    page.render()
}

fn paragraphs(page: &mut Roff, text: &str) {
    for (at, paragraph) in text.split("\n\n").enumerate() {
        if at > 0 {
            page.control("PP", []);
        }
        page.text([roman(paragraph)]);
    }
}

/// A word, and below it what it means.
fn entry(page: &mut Roff, word: &str, meaning: &str) {
    page.control("TP", []).text([bold(word)]).text([roman(meaning)]);
}

fn commands(page: &mut Roff, about: &Command) {
    let mut shown = about.get_subcommands().filter(|command| !command.is_hide_set()).peekable();
    if shown.peek().is_some() {
        page.control("SH", ["COMMANDS"]);
    }
    for command in shown {
        let brief = command.get_about().map(ToString::to_string).unwrap_or_default();
        entry(page, command.get_name(), &brief);
    }
}

fn options(page: &mut Roff, about: &Command) {
    page.control("SH", ["OPTIONS"]);
    let shown: Vec<&Arg> = about.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    let mut headings: Vec<Option<&str>> = vec![None];
    for heading in shown.iter().map(|arg| arg.get_help_heading()) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            page.control("SS", [&*heading.replace('\'', "\\*(Aq")]);
        }
        for arg in shown.iter().filter(|arg| arg.get_help_heading() == heading) {
            option(page, arg);
        }
    }
}

fn option(page: &mut Roff, arg: &Arg) {
    page.control("TP", []).text(names(arg));
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string);
    let env = arg.get_env().map(|variable| format!("[env: {}]", variable.to_string_lossy()));
    let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    let defaults = defaults.collect::<Vec<_>>().join(", ");
    let has_default = arg.get_action().takes_values() && !defaults.is_empty();
    let default = has_default.then(|| format!("[default: {defaults}]"));
    let said: Vec<String> = help.into_iter().chain(env).chain(default).collect();
    page.text([roman(said.join(" "))]);
    let possible = arg.get_possible_values();
    let mut values = possible.iter().filter(|value| !value.is_hide_set()).peekable();
    if !arg.get_action().takes_values() || values.peek().is_none() {
        return;
    }
    page.control("RS", []);
    for value in values {
        let meaning = value.get_help().map(ToString::to_string).unwrap_or_default();
        entry(page, value.get_name(), &meaning);
    }
    page.control("RE", []);
}

/// `-o, --output FILE`, or `CLUSTER ...`.
fn names(arg: &Arg) -> Vec<Inline> {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let mut shown = vec![bold(names.join(", "))];
    if arg.get_action().takes_values() {
        let value = arg.get_value_names().unwrap_or_default().join(" ");
        let before = if names.is_empty() { "" } else { " " };
        shown.extend([roman(before), italic(value)]);
    }
    shown
}

fn see_also<'a>(page: &mut Roff, others: impl Iterator<Item = &'a String>) {
    let own = others.map(|page| (page.as_str(), SECTION));
    let pages: Vec<_> = own.chain([("ssh", "1"), ("ssh_config", "5")]).collect();
    page.control("SH", ["SEE ALSO"]);
    for (at, (other, section)) in pages.iter().enumerate() {
        let end = if at + 1 == pages.len() { "" } else { "," };
        page.text([bold(*other), roman(format!("({section}){end}"))]);
    }
}

/// Characters that roff would print as others, as they are: people copy them.
fn as_typed(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '~' => plain.push_str("\\(ti"),
            '^' => plain.push_str("\\(ha"),
            '`' => plain.push_str("\\(ga"),
            '…' => plain.push_str("..."),
            c if c.is_ascii() => plain.push(c),
            c => {
                // Writing to a string cannot fail.
                let _ = write!(plain, "\\[u{:04X}]", u32::from(c));
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_taken_for_a_macro() {
        let hostile = ".so /etc/passwd\n'br\n\\fBa\\n[x] ~^` é";
        let command = Command::new("x")
            .about(hostile)
            .long_about(format!("{hostile}\n\n{hostile}"))
            .arg(Arg::new("y").long("y").help(hostile).help_heading("It's"));
        let page = as_typed(&text(&command, "x", [].iter()));
        let macros = ["TH", "SH", "SS", "PP", "TP", "ie", "el"];
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            let name = line.get(1..).unwrap().split(' ').next().unwrap();
            assert!(line.starts_with('.') && macros.contains(&name), "{line}");
        }
        assert!(page.is_ascii() && page.contains("\\(ti\\(ha\\(ga \\[u00E9]"), "{page}");
        assert!(page.contains("\\\\fBa"), "{page}");
    }
}
