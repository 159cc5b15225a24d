//! A certificate in words, with the signer's texts sanitized.

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::judge::{self, Refusal, listed, shown};
use super::{Certificate, PublicKey, Setting, SignatureStatus, Validity};
use crate::text::time::{local_time, span};

/// The clock of whoever reads it.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The time, in Unix seconds.
    pub now: u64,
    /// The zone.
    pub zone: TimeZone,
}

/// Returns a certificate in one line: as which user, until when, under which key id.
#[must_use]
pub fn summary(certificate: &Certificate, clock: &Clock) -> String {
    let (users, key_id) = (listed(&certificate.principals), shown(&certificate.key_id));
    format!("log in as {users} {} (key id {key_id})", period(certificate.validity, clock))
}

/// A certificate in full, a line for each field.
#[derive(Clone, Copy, Debug)]
pub struct Details<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// The key that it should be for, where one is known.
    pub key: Option<&'a PublicKey>,
    /// The clock of whoever reads it.
    pub clock: &'a Clock,
}

impl Details<'_> {
    /// Returns the reason that the certificate does not let in the holder of the key.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let key = self.key.unwrap_or(&self.certificate.key);
        let is_invalid = || self.certificate.signature_status() == SignatureStatus::Invalid;
        let refusal = judge::check(self.certificate, key, self.clock.now).err();
        refusal.or_else(|| is_invalid().then_some(Refusal::InvalidSignature))
    }
}

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { certificate, key, clock } = *self;
        let mut line = |name: &str, value: &dyn fmt::Display| writeln!(f, "  {name:<17} {value}");
        line("principals", &or_none(listed(&certificate.principals)))?;
        line("valid", &period(certificate.validity, clock))?;
        line("key id", &shown(&certificate.key_id))?;
        line("extensions", &or_none(settings(&certificate.extensions)))?;
        line("critical options", &or_none(settings(&certificate.critical_options)))?;
        let fits = match key {
            Some(key) if *key == certificate.key => " (the identity's)",
            Some(_) => " (not the identity's)",
            None => "",
        };
        line("key", &format_args!("{}{fits}", certificate.key.fingerprint()))?;
        let signature = match certificate.signature_status() {
            SignatureStatus::Valid => "",
            SignatureStatus::Invalid => " (the signature does not fit)",
            SignatureStatus::Sha1 => " (with SHA-1, which OpenSSH refuses since 8.2)",
            SignatureStatus::Unchecked => " (the signature is of a kind that is not checked here)",
        };
        line("signed by", &format_args!("{}{signature}", certificate.authority.fingerprint()))
    }
}

/// The validity as seen from now: `until 14:05 (in 7 h 59 min)`.
fn period(validity: Validity, &Clock { now, ref zone }: &Clock) -> String {
    let local = |at| local_time(at, now, zone);
    let Validity { from, until } = validity;
    match validity.left(now) {
        Some(_) if validity.is_endless() => "forever".to_owned(),
        Some(left) => format!("until {} (in {})", local(until), span(left)),
        None if now < from => {
            let wait = Duration::from_secs(from - now);
            format!("from {} on (in {})", local(from), span(wait))
        }
        None => format!("until {} ({} ago)", local(until), span(Duration::from_secs(now - until))),
    }
}

fn settings(settings: &[Setting]) -> String {
    let shown = |Setting { name, value }: &Setting| match value.as_str() {
        "" => shown(name),
        value => format!("{}={}", shown(name), shown(value)),
    };
    settings.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::certificate::examples;
    use crate::certificate::judge::Requirements;

    const HOUR: u64 = 3600;

    fn example() -> Certificate {
        let key = &examples::KEY.parse().unwrap();
        let required = Requirements { key, ttl: None, users: &[], now: examples::FROM };
        judge::judge(examples::CERTIFICATE, &required).unwrap().0
    }

    fn clock(now: u64) -> Clock {
        Clock { now, zone: TimeZone::UTC }
    }

    #[test]
    fn a_summary_is_one_line_whatever_the_signer_wrote() {
        let mut certificate = example();
        certificate.key_id = "me\nValid: forever\u{1b}[2J".to_owned();
        let summary = summary(&certificate, &clock(examples::FROM + 60));
        assert_eq!(
            summary,
            "log in as ubuntu, root until 20:00 (in 7 h 59 min) \
             (key id me\\nValid: forever\\u{1b}[2J)"
        );
    }

    #[test]
    fn details_name_every_field() {
        let certificate = example();
        let key = &certificate.key;
        let at = |now| clock(examples::FROM + now);
        let fresh = at(HOUR);
        let details = Details { certificate: &certificate, key: Some(key), clock: &fresh };
        assert_eq!(details.refusal(), None);
        insta::assert_snapshot!(details, @"
          principals        ubuntu, root
          valid             until 20:00 (in 7 h)
          key id            vault-token-1
          extensions        permit-X11-forwarding, permit-agent-forwarding, permit-port-forwarding, permit-pty, permit-user-rc
          critical options  none
          key               SHA256:CkAk5Zi+0rfaYScdWdugsIhQhb2VxPjbPxPRJ6oi7qI (the identity's)
          signed by         SHA256:KRLXhw+lAnyELxdzhDqG2Za4gNbcNbyX8MJepYr8R6c
        ");
        let late = at(9 * HOUR);
        let details = Details { clock: &late, ..details };
        assert_eq!(details.refusal(), Some(Refusal::Expired(Duration::from_secs(HOUR))));
        assert!(details.to_string().contains("until 20:00 (1 h ago)"), "{details}");
    }
}
