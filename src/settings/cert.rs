//! The settings of `prime-ssh cert`, and of what renews a certificate in passing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::context::Context;
use crate::certificate::judge::{MIN_VALIDITY, TTL_MAX};
use crate::cli::CertArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::layout::Layout;
use crate::text::time::span;

/// The certificates that are wanted.
#[derive(Clone, Debug)]
pub struct CertSettings {
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
}

impl CertSettings {
    /// Resolves what was typed for `prime-ssh cert`.
    pub fn resolve(args: &CertArgs, context: &Context) -> Outcome<Self> {
        check_times(args)?;
        if args.output.is_some() && args.api.clusters.len() > 1 {
            let message = "--output is one file, and each cluster has a certificate of its own";
            return Err(Failure::message(Kind::Usage, message));
        }
        if args.output.as_deref() == Some(Path::new("-")) {
            let message = "`-o -` would write to a file called `-`";
            let hint = "leave out `-o` to save it where ssh finds it; `./-` is that file";
            return Err(Failure::message(Kind::Usage, message).hint(hint));
        }
        // A key that is not there is no warning here: nothing can be done without it.
        let identity = context.identity(args.identity_file.as_deref(), &mut Vec::new())?;
        Ok(Self {
            identity: identity.map(|path| context.environment.expand(&path)),
            ttl: args.ttl,
            min_validity: args.ensure.then_some(args.min_validity),
            output: args.output.clone(),
            layout: context.layout_for_reading()?,
        })
    }

    /// The certificate of an installed cluster, where the one that is there does not last.
    #[must_use]
    pub fn installed(identity: Option<PathBuf>, layout: &Layout) -> Self {
        let (min_validity, layout) = (Some(MIN_VALIDITY), layout.clone());
        Self { identity, ttl: None, min_validity, output: None, layout }
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
