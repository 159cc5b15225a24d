//! A certificate in words, with the signer's texts sanitized.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::judge::{listed, shown};
use super::{Certificate, PublicKey, SignatureStatus};
use crate::text::time::{local_time, span};

/// Returns a certificate in one line: as which user, until when, under which key id. The time is
/// `now`, in Unix seconds, on the clock of this zone.
#[must_use]
pub fn summary(certificate: &Certificate, now: u64, zone: &TimeZone) -> String {
    let (users, key_id) = (listed(&certificate.principals), shown(&certificate.key_id));
    format!("log in as {users} {} (key id {key_id})", period(certificate, now, zone))
}

/// Returns a certificate in full, a line for each field; `key` is the one that it should be for,
/// where one is known.
#[must_use]
pub fn lines(
    certificate: &Certificate,
    key: Option<&PublicKey>,
    now: u64,
    zone: &TimeZone,
) -> Vec<String> {
    let fits = match key {
        Some(key) if *key == certificate.key => " (the identity's)",
        Some(_) => " (not the identity's)",
        None => "",
    };
    let signature = match certificate.signature {
        SignatureStatus::Valid => "",
        SignatureStatus::Invalid => " (the signature does not fit)",
        SignatureStatus::Sha1 => " (with SHA-1, which OpenSSH refuses since 8.2)",
        SignatureStatus::Unchecked => " (the signature is of a kind that is not checked here)",
    };
    let lines = [
        ("principals", or_none(listed(&certificate.principals))),
        ("valid", period(certificate, now, zone)),
        ("key id", shown(&certificate.key_id)),
        ("extensions", or_none(settings(&certificate.extensions))),
        ("critical options", or_none(settings(&certificate.critical_options))),
        ("key", format!("{}{fits}", certificate.key.fingerprint())),
        ("signed by", format!("{}{signature}", certificate.authority.fingerprint())),
    ];
    lines.into_iter().map(|(name, value)| format!("  {name:<17} {value}")).collect()
}

/// The validity as seen from now: `until 14:05 (in 7 h 59 min)`.
fn period(certificate: &Certificate, now: u64, zone: &TimeZone) -> String {
    let local = |at| local_time(at, now, zone);
    let Certificate { valid_from: from, valid_until: until, .. } = *certificate;
    match certificate.left(now) {
        Some(_) if certificate.is_endless() => "forever".to_owned(),
        Some(left) => format!("until {} (in {})", local(until), span(left)),
        None if now < from => {
            let wait = Duration::from_secs(from - now);
            format!("from {} on (in {})", local(from), span(wait))
        }
        None => format!("until {} ({} ago)", local(until), span(Duration::from_secs(now - until))),
    }
}

fn settings(settings: &[(String, String)]) -> String {
    let shown = |(name, value): &(String, String)| match value.as_str() {
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
    use super::*;
    use crate::certificate::examples;

    const HOUR: u64 = 3600;

    fn example() -> Certificate {
        Certificate::read(examples::CERTIFICATE).unwrap()
    }

    #[test]
    fn a_summary_is_one_line_whatever_the_signer_wrote() {
        let mut certificate = example();
        certificate.key_id = "me\nValid: forever\u{1b}[2J".to_owned();
        let summary = summary(&certificate, examples::FROM + 60, &TimeZone::UTC);
        assert_eq!(
            summary,
            "log in as ubuntu, root until 20:00 (in 7 h 59 min) \
             (key id me\\nValid: forever\\u{1b}[2J)"
        );
    }

    #[test]
    fn details_name_every_field() {
        let certificate = example();
        let at = |now| {
            let key = Some(&certificate.key);
            lines(&certificate, key, examples::FROM + now, &TimeZone::UTC).join("\n")
        };
        insta::assert_snapshot!(at(HOUR), @"
          principals        ubuntu, root
          valid             until 20:00 (in 7 h)
          key id            vault-token-1
          extensions        permit-X11-forwarding, permit-agent-forwarding, permit-port-forwarding, permit-pty, permit-user-rc
          critical options  none
          key               SHA256:CkAk5Zi+0rfaYScdWdugsIhQhb2VxPjbPxPRJ6oi7qI (the identity's)
          signed by         SHA256:KRLXhw+lAnyELxdzhDqG2Za4gNbcNbyX8MJepYr8R6c
        ");
        assert!(at(9 * HOUR).contains("until 20:00 (1 h ago)"), "{}", at(9 * HOUR));
    }
}
