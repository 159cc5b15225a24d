//! The settings of `prime-ssh config`.

use super::cert::OwnCertificates;
use super::hosts::{ssh_options, walk_options};
use super::output::Output;
use super::sources::{Context, Source, Sources};
use crate::cli::ConfigArgs;
use crate::cluster;
use crate::failure::Outcome;
use crate::render::login;

/// The resolved settings of `prime-ssh config`.
#[derive(Debug)]
pub struct Config {
    /// Where the clusters come from.
    pub source: Source,
    /// Which hosts, and how they are named and reached.
    pub walk: cluster::Options,
    /// What the fragment says beyond the hosts.
    pub ssh: login::Options,
    /// Where the certificates are of clusters that let nobody in without.
    pub certificates: OwnCertificates,
    /// Where the text goes.
    pub output: Output,
    /// What a person should know about these settings.
    pub warnings: Vec<String>,
}

impl Config {
    /// Resolves what was typed for `prime-ssh config`.
    pub fn resolve(args: ConfigArgs, context: &Context) -> Outcome<Self> {
        let sources = Sources::read(context)?;
        let mut warnings = Vec::new();
        let ssh = ssh_options(&args.render, &sources, &mut warnings)?;
        Ok(Self {
            source: sources.source(args.source)?,
            walk: walk_options(args.render.hosts)?,
            certificates: OwnCertificates::resolve(&ssh, context)?,
            ssh,
            output: args.output.into(),
            warnings,
        })
    }
}
