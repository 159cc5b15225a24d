//! The settings of `prime-ssh config`.

use super::cert::OwnCertificates;
use super::hosts::{host_options, ssh_options};
use super::output::Output;
use super::sources::{Context, Source, Sources};
use crate::cli::ConfigArgs;
use crate::cluster;
use crate::failure::Outcome;
use crate::render::login;

/// The resolved settings of `prime-ssh config`.
#[derive(Debug)]
pub struct Config {
    /// The source of the clusters.
    pub source: Source,
    /// The options of the fleets: their hosts, names, and the way to them.
    pub hosts: cluster::Options,
    /// The options for logging in.
    pub ssh: login::Options,
    /// The place of the certificates of clusters that require one.
    pub certificates: OwnCertificates,
    /// The destination of the text.
    pub output: Output,
    /// Warnings about these settings.
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
            hosts: host_options(args.render.hosts)?,
            certificates: OwnCertificates::resolve(&ssh, context)?,
            ssh,
            output: args.output.into(),
            warnings,
        })
    }
}
