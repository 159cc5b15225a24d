//! The settings of `prime-ssh export`.

use super::hosts::selection;
use super::output::Output;
use super::sources::{Context, Source, Sources};
use crate::cli::ExportArgs;
use crate::cluster::{self, Selection};
use crate::failure::Outcome;

/// The resolved settings of `prime-ssh export`.
#[derive(Debug)]
pub struct Export {
    /// The source of the clusters.
    pub source: Source,
    /// The hosts to select.
    pub hosts: cluster::Options,
    /// The destination of the text.
    pub output: Output,
}

impl Export {
    /// Resolves what was typed for `prime-ssh export`.
    pub fn resolve(args: ExportArgs, context: &Context) -> Outcome<Self> {
        let sources = Sources::read(context)?;
        // Whole, so that its hosts keep their names.
        let selection = Selection { whole_nodes: true, ..selection(args.selection) };
        Ok(Self {
            source: sources.source(args.source)?,
            hosts: cluster::Options { selection, ..cluster::Options::default() },
            output: args.output.into(),
        })
    }
}
