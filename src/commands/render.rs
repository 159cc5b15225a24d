//! `prime-ssh render`: a template of the user's own on stdout or in a file, or what it sees.

use std::path::{Path, PathBuf};

use super::output::{self, Overwrite};
use super::{fetch, fleets};
use crate::cli::TemplateArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::render::data;
use crate::render::template::{Fault, Template};
use crate::settings::{Context, check_jump};
use crate::text::message::Message;

pub(super) fn run(args: &TemplateArgs, context: &Context) -> Outcome<()> {
    let overwrite = Overwrite::as_tools_do(context)?;
    let source = context.source(&args.source)?;
    check_jump(&args.fleet)?;
    let is_stdin = |path: &PathBuf| fetch::is_stdin(path);
    if args.template.as_ref().is_some_and(is_stdin) && args.source.input.iter().any(is_stdin) {
        let message = "--template and --input are both `-`, but stdin can be read only once";
        return Err(Failure::message(Kind::Usage, message));
    }
    // Before the API is asked: what is no template should not cost a request.
    let template = args.template.as_deref().map(read).transpose()?;
    let answers = fetch::all(&source, context.terminal)?;
    let fleets = fleets::of_answers(&answers, &args.fleet, &source, false, context)?;
    let data = data::of(&fleets);
    // As a whole before anything is written: half a file is worse than none.
    let text = template.map(|template| template.render(&data)).transpose()?;
    output::deliver(&args.output, &overwrite, |to| match &text {
        None => data::write(&data, to),
        Some(text) => to.write_all(text.as_bytes()),
    })
}

fn read(path: &Path) -> Outcome<Template> {
    let text = fetch::read_text(path, Kind::Usage)?;
    // Some editors put a byte order mark in front of what they save.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(Template::parse(&fetch::name_of(path), text.to_owned())?)
}

/// A template is what the person brought along, as the words of the command line are.
impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let hint = fault.hint.map(str::to_owned);
        let message = Message::with_lines(&fault, &fault.excerpt);
        Self { hint, ..Self::message(Kind::Usage, message) }
    }
}
