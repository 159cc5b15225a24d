//! Manual pages: those of `clap_mangen`, with what clap has no place for behind them.

use std::fmt::Write as _;
use std::io;

use clap::Command;
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use super::program::{SETTINGS, VARIABLES, examples, exit_codes, program};

/// The section of programs that users run.
const SECTION: &str = "1";

/// A manual page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The command that it is about; none for the program itself.
    pub command: Option<String>,
    /// The name of its file: `prime-ssh-install.1`.
    pub file: String,
    /// The page, as man(7) has it.
    pub text: String,
}

/// The page of the program, and one of each command.
pub fn pages() -> io::Result<Vec<Page>> {
    // `prime-ssh help` prints what these pages say. clap_mangen leaves out the words of options
    // that the short help leaves out.
    let mut program = program().disable_help_subcommand(true);
    program = program.mut_args(|arg| arg.hide_short_help(false));
    program.build();
    let commands = || program.get_subcommands().filter(|command| !command.is_hide_set());
    let titles: Vec<&str> = [&program].into_iter().chain(commands()).map(title).collect();
    let page = |about: &Command, command: Option<&str>| {
        let title = title(about);
        let others = titles.iter().copied().filter(|other| *other != title);
        let text = text(about, title, others)?;
        Ok(Page { command: command.map(str::to_owned), file: format!("{title}.{SECTION}"), text })
    };
    let of_commands = commands().map(|command| page(command, Some(command.get_name())));
    [page(&program, None)].into_iter().chain(of_commands).collect()
}

/// The title of a page: `prime-ssh-install`.
fn title(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn text<'a>(
    about: &Command,
    title: &str,
    others: impl Iterator<Item = &'a str>,
) -> io::Result<String> {
    // clap_mangen's own synopsis lists every option.
    let usage = about.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let release = format!("prime-ssh {}", about.get_version().unwrap_or_default());
    let command = about.clone().override_usage(usage).subcommand_help_heading("COMMANDS");
    let page = Man::new(command).title(title.to_uppercase()).source(release).manual("prime-ssh");
    // No date: the same release gives the same page.
    let page = page.date("\"\"");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    if about.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    page.render_options_section(&mut text)?;
    text.extend_from_slice(rest(about, others).to_roff().as_bytes());
    Ok(as_typed(&String::from_utf8_lossy(&text)))
}

/// The sections that clap knows nothing of.
fn rest<'a>(about: &Command, others: impl Iterator<Item = &'a str>) -> Roff {
    let mut page = Roff::new();
    let entry = |page: &mut Roff, word: &str, meaning: &str| {
        page.control("TP", []).text([bold(word)]).text([roman(meaning)]);
    };
    for (at, example) in examples(about.get_name()).enumerate() {
        page.control(if at == 0 { "SH" } else { "PP" }, (at == 0).then_some("EXAMPLES"));
        page.text([bold(example)]);
    }
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
    let own = others.map(|page| (page, SECTION));
    let pages: Vec<_> = own.chain([("ssh", "1"), ("ssh_config", "5")]).collect();
    page.control("SH", ["SEE ALSO"]);
    for (at, (other, section)) in pages.iter().enumerate() {
        let end = if at + 1 == pages.len() { "" } else { "," };
        page.text([bold(*other), roman(format!("({section}){end}"))]);
    }
    page
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
