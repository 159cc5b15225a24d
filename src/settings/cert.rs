//! The settings of `prime-ssh cert`.

use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::identity;
use super::own_commands::OwnCommands;
use super::sources::{Context, Endpoint, Sources};
use crate::certificate::judge::{MIN_VALIDITY, TTL_MAX};
use crate::cli::CertArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::layout::Layout;
use crate::render::login;
use crate::text::time::span;

/// The resolved settings of `prime-ssh cert`.
#[derive(Debug)]
pub struct Certify {
    /// The task.
    pub task: Task,
    /// The certificates to get or show.
    pub wanted: Wanted,
    /// True if the key was named for this call, so that it counts for installed clusters too.
    pub identity_is_named: bool,
    /// True if the API was named for this call, so that it counts for installed clusters too.
    pub endpoint_is_typed: bool,
}

/// The task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Get the certificates of these clusters, by id or name.
    Get(Vec<String>),
    /// Get the certificate of every cluster that wants one, of one team or of all.
    GetAll(Option<String>),
    /// Show the certificates of these clusters that are there.
    Show(Vec<String>),
    /// Nothing: `PRIME_SSH_NO_REFRESH` is set, so that what only reads asks nobody.
    Nothing,
}

/// The certificates that are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The key that they are for; `None` where no setting names one.
    pub identity: Option<PathBuf>,
    /// For how long; `None` leaves that to the API.
    pub ttl: Option<Duration>,
    /// For how much longer a present one must be valid to do; `None` asks for a new one in any
    /// case.
    pub min_validity: Option<Duration>,
    /// The file for the only one, in place of one in our folder.
    pub output: Option<PathBuf>,
    /// The place of our folder.
    pub layout: Layout,
    /// The commands that are advised.
    pub commands: OwnCommands,
}

impl Wanted {
    /// The certificate of an installed cluster, where the one that is there does not last.
    #[must_use]
    pub fn installed(identity: Option<PathBuf>, layout: &Layout) -> Self {
        let (min_validity, layout) = (Some(MIN_VALIDITY), layout.clone());
        let commands = OwnCommands::default();
        Self { identity, ttl: None, min_validity, output: None, layout, commands }
    }
}

impl Certify {
    /// Resolves what was args for `prime-ssh cert`.
    pub fn resolve(args: CertArgs, context: &Context) -> Outcome<Self> {
        check_times(&args)?;
        if args.output.is_some() && args.clusters.len() > 1 {
            let message = "--output is one file, and each cluster has a certificate of its own";
            return Err(Failure::message(Kind::Usage, message));
        }
        let sources = Sources::read(context)?;
        let identity_is_named = args.identity_file.is_some();
        let identity = identity::resolve(
            args.identity_file.as_deref(),
            &sources,
            // A key that is not there is no warning here: nothing can be done without it.
            &mut Vec::new(),
        )?;
        let layout = sources.ssh_layout()?;
        let wanted = Wanted {
            identity: identity.map(|path| context.environment.expand(&path)),
            ttl: args.ttl,
            min_validity: args.ensure.then_some(args.min_validity),
            output: args.output,
            commands: OwnCommands::new(&context.global, &context.environment),
            layout,
        };
        let clusters = sources.without_aliases(args.clusters)?;
        let task = if args.show {
            Task::Show(clusters)
        } else if args.ensure && refresh_is_off(&context.environment)? {
            Task::Nothing
        } else if args.all {
            Task::GetAll(sources.team(args.team)?)
        } else {
            Task::Get(clusters)
        };
        let endpoint_is_typed =
            context.global.api_url.is_some() || context.global.context.is_some();
        Ok(Self { task, wanted, identity_is_named, endpoint_is_typed })
    }

    /// The API, and who asks. A certificate that lasts needs neither, so this is resolved once it
    /// is needed.
    pub fn endpoint(context: &Context) -> Outcome<Endpoint> {
        Sources::read(context)?.endpoint()
    }
}

/// Returns whether `PRIME_SSH_NO_REFRESH` says that nothing is to be refreshed in passing.
pub fn refresh_is_off(environment: &Environment) -> Outcome<bool> {
    environment.flag("PRIME_SSH_NO_REFRESH")
}

/// The place of our own certificates, for the outputs that name them.
#[derive(Debug)]
pub struct OwnCertificates {
    /// The place of our folder, and how ssh's files name what is in it.
    pub layout: Layout,
    /// The commands that are advised.
    pub commands: OwnCommands,
    /// The key that they should be for, where one is set.
    pub identity: Option<PathBuf>,
}

impl OwnCertificates {
    pub(super) fn resolve(ssh: &login::Options, context: &Context) -> Outcome<Self> {
        let identity = ssh.identity_file.as_ref().map(|path| context.environment.expand(path));
        let layout = context.layout()?;
        let commands = OwnCommands::new(&context.global, &context.environment);
        Ok(Self { layout, commands, identity })
    }
}

/// A certificate must last for longer than it takes to count as spent, or each ssh would renew it.
fn check_times(args: &CertArgs) -> Outcome<()> {
    let (ttl, least) = (args.ttl, args.min_validity);
    let problem = match ttl {
        Some(ttl) if ttl > TTL_MAX => {
            format!("--ttl is {}, and the API grants at most {}", span(ttl), span(TTL_MAX))
        }
        Some(ttl) if ttl <= least => {
            format!("--ttl is {}, and must be more than --min-validity, {}", span(ttl), span(least))
        }
        None if least >= TTL_MAX => format!(
            "--min-validity is {}, and the API grants at most {}",
            span(least),
            span(TTL_MAX)
        ),
        _ => return Ok(()),
    };
    Err(Failure::message(Kind::Usage, problem))
}
