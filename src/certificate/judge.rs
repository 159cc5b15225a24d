//! Judges whether a certificate is good for a login, and what to know about one that is. Pure: the
//! time is an argument.

use std::time::Duration;

use super::{Certificate, Fingerprint, ParseError, PublicKey, Setting, SignatureStatus};
use crate::text::sanitize::excerpt;
use crate::text::time::span;

/// The longest that the API grants (its contract, `ttl`).
pub const TTL_MAX: Duration = Duration::from_secs(8 * 3600);
/// The default of `--min-validity`: how much longer a certificate must be valid.
pub const MIN_VALIDITY: Duration = Duration::from_secs(600);
/// A certificate that is valid for longer is refused: a short life is what it is for.
const VALIDITY_MAX: Duration = Duration::from_secs(24 * 3600);
/// Tolerance for the signer's clock and rounding.
const SLACK: Duration = Duration::from_secs(60);
/// A start in the future by no more than this is a clock that is off, not a plan.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(24 * 3600);
/// The longest text of the signer's that is shown, in characters.
const SHOWN: usize = 200;

/// The requirements on a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// The key to be certified.
    pub key: &'a PublicKey,
    /// The lifetime that was asked for; `None` leaves that to the API.
    pub ttl: Option<Duration>,
    /// The users that ssh will log in as; empty where they are not known.
    pub users: &'a [String],
    /// The time, in Unix seconds.
    pub now: u64,
}

/// The reason that a certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no certificate.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// It is for a host.
    #[error("it is for a host, not for a user")]
    Host,
    /// It is for another key.
    #[error("it is for the key {theirs}, not for {ours}")]
    OtherKey {
        /// The key in the certificate.
        theirs: Fingerprint,
        /// The one that it should be for.
        ours: Fingerprint,
    },
    /// Its signature is not the signer's.
    #[error("its signature does not fit: it was changed or damaged on the way")]
    InvalidSignature,
    /// It names no user, and servers refuse such a one.
    #[error("it names no principal, so no server lets anyone in")]
    NoPrincipal,
    /// It ends before it begins.
    #[error("it ends before it begins")]
    NeverValid,
    /// It is not valid yet, for this long.
    #[error("it is not valid before {} from now{}", span(*.0), clock_hint(*.0))]
    NotYetValid(Duration),
    /// It has expired, this long ago.
    #[error("it expired {} ago", span(*.0))]
    Expired(Duration),
    /// It has no end.
    #[error("it never expires; at most {} are accepted", span(VALIDITY_MAX))]
    Endless,
    /// It is valid for this much longer.
    #[error("it is valid for {}; at most {} are accepted", span(*.0), span(VALIDITY_MAX))]
    TooLong(Duration),
}

fn clock_hint(wait: Duration) -> &'static str {
    if wait <= CLOCK_OFF_MAX { "; is this machine's clock slow?" } else { "" }
}

/// A warning about a certificate that is good, but not for everything that is wanted. The texts in
/// it are the signer's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// ssh logs in as a user that it does not name.
    #[error(
        "the certificate does not name {}, whom ssh logs in as; it names {}",
        listed(users),
        listed(principals)
    )]
    OtherUsers {
        /// The users that ssh logs in as.
        users: Vec<String>,
        /// The users that it names.
        principals: Vec<String>,
    },
    /// It is valid for longer than it should be.
    #[error(
        "the certificate is valid for {}, longer than the {} {}",
        span(*granted), span(*most), if *asked { "asked for" } else { "that the API promises at most" }
    )]
    Long {
        /// For how long.
        granted: Duration,
        /// The lifetime that was asked for, or the longest that the API grants.
        most: Duration,
        /// True if `most` was asked for.
        asked: bool,
    },
    /// It is signed with SHA-1.
    #[error("the certificate is signed with SHA-1 (ssh-rsa), which OpenSSH refuses since 8.2")]
    Sha1,
    /// It has a critical option that OpenSSH does not know; its name.
    #[error("the certificate has the critical option {}, and sshd refuses one that it does not know", shown(.0))]
    UnknownCritical(String),
    /// It permits only this command.
    #[error("the certificate runs nothing but this command: {}", shown(.0))]
    OnlyCommand(String),
    /// It is valid from these addresses only.
    #[error("the certificate is valid from these addresses only: {}", shown(.0))]
    OnlyFrom(String),
    /// It permits no terminal.
    #[error("the certificate permits no terminal (permit-pty)")]
    NoTerminal,
    /// It permits no forwarding, which a jump host needs.
    #[error(
        "the certificate permits no forwarding (permit-port-forwarding), which jump hosts need"
    )]
    NoForwarding,
}

/// Reads and judges an answer: the certificate, and what to know about it.
pub fn judge(
    text: &str,
    required: &Requirements<'_>,
) -> Result<(Certificate, Vec<Warning>), Refusal> {
    let certificate = Certificate::read(text)?;
    check(&certificate, required.key, required.now)?;
    let signature = certificate.signature_status();
    if signature == SignatureStatus::Invalid {
        return Err(Refusal::InvalidSignature);
    }
    let warnings = warnings(&certificate, signature, required);
    Ok((certificate, warnings))
}

/// Checks whether a certificate lets in who holds `key`, now. Its signature was checked when it
/// came.
pub fn check(certificate: &Certificate, key: &PublicKey, now: u64) -> Result<(), Refusal> {
    if certificate.is_host {
        return Err(Refusal::Host);
    }
    if certificate.key != *key {
        let (theirs, ours) = (certificate.key.fingerprint(), key.fingerprint());
        return Err(Refusal::OtherKey { theirs, ours });
    }
    if certificate.principals.is_empty() {
        return Err(Refusal::NoPrincipal);
    }
    let validity = certificate.validity;
    if validity.from >= validity.until {
        return Err(Refusal::NeverValid);
    }
    if now < validity.from {
        return Err(Refusal::NotYetValid(Duration::from_secs(validity.from - now)));
    }
    match validity.left(now) {
        None => Err(Refusal::Expired(Duration::from_secs(now - validity.until))),
        Some(_) if validity.is_endless() => Err(Refusal::Endless),
        Some(left) if left > VALIDITY_MAX + SLACK => Err(Refusal::TooLong(left)),
        Some(_) => Ok(()),
    }
}

fn warnings(
    certificate: &Certificate,
    signature: SignatureStatus,
    required: &Requirements<'_>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let names = |user: &String| certificate.principals.contains(user);
    let users: Vec<_> = required.users.iter().filter(|user| !names(user)).cloned().collect();
    if !users.is_empty() {
        let principals = certificate.principals.clone();
        warnings.push(Warning::OtherUsers { users, principals });
    }
    let most = required.ttl.unwrap_or(TTL_MAX);
    let granted = certificate.validity.left(required.now).unwrap_or_default();
    if granted > most + SLACK {
        warnings.push(Warning::Long { granted, most, asked: required.ttl.is_some() });
    }
    if signature == SignatureStatus::Sha1 {
        warnings.push(Warning::Sha1);
    }
    warnings.extend(certificate.critical_options.iter().filter_map(restriction));
    let lacks = |name: &str| certificate.extensions.iter().all(|extension| extension.name != name);
    if lacks("permit-pty") {
        warnings.push(Warning::NoTerminal);
    }
    if lacks("permit-port-forwarding") {
        warnings.push(Warning::NoForwarding);
    }
    warnings
}

/// OpenSSH refuses a certificate with a critical option other than these.
fn restriction(option: &Setting) -> Option<Warning> {
    match option.name.as_str() {
        "force-command" => Some(Warning::OnlyCommand(option.value.clone())),
        "source-address" => Some(Warning::OnlyFrom(option.value.clone())),
        "verify-required" => None,
        name => Some(Warning::UnknownCritical(name.to_owned())),
    }
}

/// A text of the signer's, sanitized.
pub(super) fn shown(text: &str) -> String {
    excerpt(text, SHOWN)
}

/// Several texts of the signer's, sanitized.
pub(super) fn listed(texts: &[String]) -> String {
    texts.iter().map(|text| shown(text)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::examples::{CERTIFICATE, FROM, KEY};

    const HOUR: u64 = 3600;

    fn at(now: u64) -> Result<(Certificate, Vec<Warning>), Refusal> {
        let key = &KEY.parse().unwrap();
        judge(CERTIFICATE, &Requirements { key, ttl: None, users: &["ubuntu".to_owned()], now })
    }

    fn refused(text: &str) -> Refusal {
        let key = &KEY.parse().unwrap();
        judge(text, &Requirements { key, ttl: None, users: &[], now: FROM }).unwrap_err()
    }

    #[test]
    fn a_good_certificate_says_what_it_grants() {
        let (certificate, warnings) = at(FROM + HOUR).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(certificate.principals, ["ubuntu", "root"]);
        assert_eq!(certificate.key_id, "vault-token-1");
        assert_eq!(certificate.signature_status(), SignatureStatus::Valid);
        assert_eq!(certificate.extensions.len(), 5);
        assert_eq!(certificate.validity.left(FROM + HOUR), Some(Duration::from_secs(7 * HOUR)));
        // The comment is gone.
        assert_eq!(certificate.line().trim_end(), CERTIFICATE.trim_end().trim_end_matches(" me"));
    }

    #[test]
    fn its_first_second_counts_and_its_last_does_not() {
        assert_eq!(at(FROM - 1).unwrap_err(), Refusal::NotYetValid(Duration::from_secs(1)));
        assert!(at(FROM).is_ok());
        assert!(at(FROM + 8 * HOUR - 1).is_ok());
        assert_eq!(at(FROM + 8 * HOUR).unwrap_err(), Refusal::Expired(Duration::ZERO));
        assert!(at(FROM - 60).unwrap_err().to_string().ends_with("is this machine's clock slow?"));
    }

    #[test]
    fn what_is_no_certificate_says_why() {
        let unreadable = |text: &str| match refused(text) {
            Refusal::Unreadable(why) => why,
            other => panic!("{other}"),
        };
        assert_eq!(unreadable(" \n"), ParseError::Empty);
        assert_eq!(unreadable("<html>nginx</html>"), ParseError::Format);
        assert_eq!(unreadable(KEY), ParseError::PlainKey);
        assert_eq!(unreadable(&format!("{CERTIFICATE}{CERTIFICATE}")), ParseError::Lines);
        assert_eq!(unreadable(&CERTIFICATE.replace(" me", " me\r# x")), ParseError::Lines);
        assert_eq!(unreadable(&"A".repeat(10 << 20)), ParseError::TooLong(10 << 20));
        assert_eq!(unreadable("x-cert-v01@openssh.com AAAA"), ParseError::Kind);
        assert_eq!(unreadable(&CERTIFICATE.replace("AAAA", "A*AA")), ParseError::Base64);
        let other = CERTIFICATE.replacen("ssh-ed25519", "ecdsa-sha2-nistp256", 1);
        assert_eq!(unreadable(&other), ParseError::Bytes("kind"));
    }

    #[test]
    fn a_certificate_for_another_key_names_both() {
        let other = KEY.replace("L9W", "L9X").parse().unwrap();
        let required = Requirements { key: &other, ttl: None, users: &[], now: FROM };
        let refusal = judge(CERTIFICATE, &required).unwrap_err().to_string();
        let ours = other.fingerprint().to_string();
        assert!(
            refusal.contains("SHA256:CkAk5Zi+0rfaYScdWdugsIhQhb2VxPjbPxPRJ6oi7qI"),
            "{refusal}"
        );
        assert!(refusal.ends_with(&ours), "{refusal}");
    }

    #[test]
    fn no_damage_passes() {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;

        let base64 = CERTIFICATE.split(' ').nth(1).unwrap();
        let blob = STANDARD.decode(base64).unwrap();
        let judged = |blob: &[u8]| {
            let text = format!("ssh-ed25519-cert-v01@openssh.com {}", STANDARD.encode(blob));
            let key = &KEY.parse().unwrap();
            judge(&text, &Requirements { key, ttl: None, users: &[], now: FROM })
        };
        assert!(judged(&blob).is_ok());
        let mut unchecked = std::collections::BTreeSet::new();
        for place in 0..blob.len() {
            assert!(judged(&blob[..place]).is_err(), "cut at {place}");
            for bit in 0..8 {
                let mut damaged = blob.clone();
                damaged[place] ^= 1 << bit;
                if let Ok((certificate, _)) = judged(&damaged) {
                    assert_eq!(
                        certificate.signature_status(),
                        SignatureStatus::Unchecked,
                        "bit {bit} at {place}"
                    );
                    unchecked.insert(place);
                }
            }
        }
        // A signer's key of an unknown kind may be right: its name, `ssh-ed25519`, can be damaged.
        assert!(unchecked.len() <= 11, "{unchecked:?}");
        assert!(judged(&[&blob[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_stranger_and_a_long_validity_are_told() {
        let key = &KEY.parse().unwrap();
        let users = &["ubuntu".to_owned(), "admin".to_owned()];
        let ttl = Some(Duration::from_secs(2 * HOUR));
        let (_, warnings) =
            judge(CERTIFICATE, &Requirements { key, ttl, users, now: FROM }).unwrap();
        let told: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "the certificate does not name admin, whom ssh logs in as; it names ubuntu, root",
                "the certificate is valid for 8 h, longer than the 2 h asked for",
            ]
        );
    }
}
