//! The command by which ssh itself renews a certificate: everything that it needs stands in it,
//! since nobody knows what environment ssh will have.

use std::path::Path;

use super::install::{OptionResolver, Rendering};
use super::prime_cli::PrimeCli;
use super::program;
use crate::api::token::ApiToken;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::state::{Record, Source};
use crate::render::certificates::Renewal;

impl OptionResolver<'_> {
    /// The command that renews the certificate of an installed cluster, in this ssh folder.
    pub fn renewal(
        &self,
        record: &Record,
        rendering: &Rendering,
        ssh_folder: &Path,
    ) -> Outcome<Renewal> {
        let refuse = |why: &str| {
            let message = format!("--auto-cert is not possible for {}: {why}", record.alias());
            Failure::message(Kind::Install, message)
        };
        let Source::Api { url, context, .. } = &record.source else {
            return Err(refuse("a saved answer does not say which API to ask"));
        };
        let Some(identity) = &rendering.ssh.identity_file else {
            return Err(refuse("a certificate is made for a key, and no setting names one")
                .hint("name yours: --identity-file, or `prime config set-ssh-key-path`"));
        };
        let text =
            |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| refuse("not UTF-8"));
        let identity = text(&self.environment().expand(identity))?;
        let folder = text(ssh_folder)?;
        let token_file = rendering.token_file.as_deref().map(text).transpose()?;
        if !self.has_lasting_token(context.as_deref(), token_file.as_deref())? {
            return Err(refuse(
                "the API token is in PRIME_API_KEY alone, which programs without this shell's \
                 variables do not see",
            )
            .hint("run `prime login`, or give --token-file FILE"));
        }
        let program = program::path(self.environment())?;
        let mut words = vec![program.as_str(), "cert", "--ensure", "--quiet"];
        words.extend(["--ssh-dir", &folder, "--identity-file", &identity, "--api-url", url]);
        words.extend(context.iter().flat_map(|context| ["--context", context]));
        words.extend(token_file.iter().flat_map(|file| ["--token-file", file]));
        words.push(record.id.as_str());
        Renewal::new(words.iter().copied())
            .map_err(|reason| refuse(&format!("its command has {reason}: {}", words.join(" "))))
    }

    /// Whether there is a token that a program without this shell's variables finds.
    pub fn has_lasting_token(&self, context: Option<&str>, file: Option<&str>) -> Outcome<bool> {
        Ok(match file {
            Some(file) => self
                .environment()
                .read(file.as_ref())
                .is_ok_and(|text| ApiToken::new(&text).is_some()),
            None => PrimeCli::read(self.environment(), context)?.api_key.is_some(),
        })
    }
}
