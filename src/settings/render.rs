//! The settings of `prime-ssh render`.

use std::path::{Path, PathBuf};

use super::hosts::host_options;
use super::output::Output;
use super::sources::{Context, Origin, Source, Sources};
use crate::cli::TemplateArgs;
use crate::cluster;
use crate::failure::{Failure, Kind, Outcome};

/// The resolved settings of `prime-ssh render`.
#[derive(Debug)]
pub struct Render {
    /// The source of the clusters.
    pub source: Source,
    /// The options of the fleets: their hosts, names, and the way to them.
    pub hosts: cluster::Options,
    /// The template, where `-` is stdin; none where the data are printed as they are.
    pub template: Option<PathBuf>,
    /// The destination of the text.
    pub output: Output,
}

impl Render {
    /// Resolves what was typed for `prime-ssh render`.
    pub fn resolve(args: TemplateArgs, context: &Context) -> Outcome<Self> {
        let sources = Sources::read(context)?;
        let source = sources.source(args.source)?;
        let is_stdin = |path: &PathBuf| *path == Path::new("-");
        let input_is_stdin =
            matches!(&source.origin, Origin::Files(paths) if paths.iter().any(is_stdin));
        if input_is_stdin && args.template.as_ref().is_some_and(is_stdin) {
            let message = "--template and --input are both `-`, but stdin can be read only once";
            return Err(Failure::message(Kind::Usage, message));
        }
        Ok(Self {
            source,
            hosts: host_options(args.hosts)?,
            template: args.template,
            output: args.output.into(),
        })
    }
}
