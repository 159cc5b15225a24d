//! Whether a certificate will do, and what to know about one that does. Pure: the time is given.

use std::fmt;
use std::time::Duration;

use super::describe::{listed, shown};
use super::{Certificate, Fingerprint, PublicKey, Setting, SignatureStatus, Unreadable};
use crate::text::time::span;

/// The longest that the API grants (its contract, `ttl`).
pub const TTL_MAX: Duration = Duration::from_secs(8 * 3600);
/// How much longer a certificate must be valid, unless the user says otherwise: `--min-validity`.
pub const MIN_VALIDITY: Duration = Duration::from_secs(600);
/// What a signer's clock, a signer's rounding and the way here may add.
const SLACK: Duration = Duration::from_secs(60);
/// A start in the future by no more than this is a clock that is off, not a plan.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(24 * 3600);
/// The critical options that OpenSSH knows; it refuses a certificate with any other.
const KNOWN_CRITICAL: [&str; 3] = ["force-command", "source-address", "verify-required"];

/// What was asked for, which an answer must meet.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The key to be certified.
    pub key: &'a PublicKey,
    /// How long it should last; `None` leaves that to the API.
    pub ttl: Option<Duration>,
    /// Whom ssh will log in as; empty where that is not known.
    pub users: &'a [String],
    /// The time, in Unix seconds.
    pub now: u64,
}

/// Why a certificate will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is none.
    Unreadable(Unreadable),
    /// It vouches for a host.
    Host,
    /// It is for another key.
    OtherKey {
        /// That key.
        theirs: Fingerprint,
        /// The one that it should be for.
        ours: Fingerprint,
    },
    /// Its signature is not its signer's.
    Broken,
    /// It names nobody to log in as, and servers refuse such a one.
    Nobody,
    /// It ends before it begins.
    Never,
    /// It is not valid yet, for this long.
    NotYet(Duration),
    /// It has been over for this long.
    Over(Duration),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => why.fmt(f),
            Self::Host => f.write_str("it is for a host, not for a user"),
            Self::OtherKey { theirs, ours } => {
                write!(f, "it is for the key {theirs}, not for {ours}")
            }
            Self::Broken => {
                f.write_str("its signature does not fit: it was changed or damaged on the way")
            }
            Self::Nobody => f.write_str("it names no principal, so no server lets anyone in"),
            Self::Never => f.write_str("it ends before it begins"),
            Self::NotYet(wait) if *wait <= CLOCK_OFF_MAX => write!(
                f,
                "it is not valid before {} from now; is this machine's clock slow?",
                span(*wait)
            ),
            Self::NotYet(wait) => write!(f, "it is not valid before {} from now", span(*wait)),
            Self::Over(ago) => write!(f, "it expired {} ago", span(*ago)),
        }
    }
}

impl std::error::Error for Refusal {}

/// What to know about a certificate that will do, but may not do all that is wanted. The texts in
/// it are the signer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// ssh logs in as someone whom it does not name.
    NotFor {
        /// Whom ssh logs in as.
        users: Vec<String>,
        /// Whom it names.
        principals: Vec<String>,
    },
    /// It is valid for longer than it should be.
    TooLong {
        /// For how long; `None` is for ever.
        granted: Option<Duration>,
        /// What was asked for, or the longest that the API grants.
        most: Duration,
        /// Whether `most` was asked for.
        asked: bool,
    },
    /// It is signed with SHA-1.
    Sha1,
    /// It has a critical option that OpenSSH does not know; its name.
    UnknownCritical(String),
    /// It permits only this command.
    OnlyCommand(String),
    /// It is valid from these addresses only.
    OnlyFrom(String),
    /// It does not permit a terminal.
    NoTerminal,
    /// It does not permit forwarding, which a jump host needs.
    NoForwarding,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFor { users, principals } => write!(
                f,
                "the certificate does not name {}, whom ssh logs in as; it names {}",
                listed(users),
                listed(principals)
            ),
            Self::TooLong { granted, most, asked } => {
                let granted = granted.map_or("ever".to_owned(), span);
                let whose = if *asked { "asked for" } else { "that the API promises at most" };
                write!(
                    f,
                    "the certificate is valid for {granted}, longer than the {} {whose}",
                    span(*most)
                )
            }
            Self::Sha1 => f.write_str(
                "the certificate is signed with SHA-1 (ssh-rsa), which OpenSSH refuses since 8.2",
            ),
            Self::UnknownCritical(name) => write!(
                f,
                "the certificate has the critical option {}, and sshd refuses one that it does not know",
                shown(name)
            ),
            Self::OnlyCommand(command) => {
                write!(f, "the certificate runs nothing but this command: {}", shown(command))
            }
            Self::OnlyFrom(addresses) => {
                write!(f, "the certificate is valid from these addresses only: {}", shown(addresses))
            }
            Self::NoTerminal => f.write_str("the certificate permits no terminal (permit-pty)"),
            Self::NoForwarding => f.write_str(
                "the certificate permits no forwarding (permit-port-forwarding), which jump hosts need",
            ),
        }
    }
}

/// Reads and judges an answer: the certificate, and what to know about it.
pub fn judge(text: &str, asked: &Asked<'_>) -> Result<(Certificate, Vec<Warning>), Refusal> {
    let certificate = Certificate::read(text).map_err(Refusal::Unreadable)?;
    check(&certificate, asked.key, asked.now)?;
    let seal = certificate.seal();
    if seal == SignatureStatus::Broken {
        return Err(Refusal::Broken);
    }
    let warnings = warnings(&certificate, seal, asked);
    Ok((certificate, warnings))
}

/// Whether this certificate lets in who holds `key`, now. Its signature was checked when it came.
pub fn check(certificate: &Certificate, key: &PublicKey, now: u64) -> Result<(), Refusal> {
    if certificate.is_host {
        return Err(Refusal::Host);
    }
    if certificate.key != *key {
        let (theirs, ours) = (certificate.key.fingerprint(), key.fingerprint());
        return Err(Refusal::OtherKey { theirs, ours });
    }
    if certificate.principals.is_empty() {
        return Err(Refusal::Nobody);
    }
    let validity = certificate.validity;
    if validity.from >= validity.until {
        Err(Refusal::Never)
    } else if now < validity.from {
        Err(Refusal::NotYet(Duration::from_secs(validity.from - now)))
    } else if now >= validity.until {
        Err(Refusal::Over(Duration::from_secs(now - validity.until)))
    } else {
        Ok(())
    }
}

fn warnings(certificate: &Certificate, seal: SignatureStatus, asked: &Asked<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let names = |user: &String| certificate.principals.contains(user);
    let strangers: Vec<_> = asked.users.iter().filter(|user| !names(user)).cloned().collect();
    if !strangers.is_empty() {
        let principals = certificate.principals.clone();
        warnings.push(Warning::NotFor { users: strangers, principals });
    }
    let most = asked.ttl.unwrap_or(TTL_MAX);
    let left = certificate.validity.left(asked.now).unwrap_or_default();
    if left > most + SLACK {
        let granted = Some(left).filter(|_| !certificate.validity.is_endless());
        warnings.push(Warning::TooLong { granted, most, asked: asked.ttl.is_some() });
    }
    if seal == SignatureStatus::Sha1 {
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

fn restriction(option: &Setting) -> Option<Warning> {
    match option.name.as_str() {
        "force-command" => Some(Warning::OnlyCommand(option.value.clone())),
        "source-address" => Some(Warning::OnlyFrom(option.value.clone())),
        name if KNOWN_CRITICAL.contains(&name) => None,
        name => Some(Warning::UnknownCritical(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::examples::{CERTIFICATE, FROM, KEY};

    const HOUR: u64 = 3600;

    fn at(now: u64) -> Result<(Certificate, Vec<Warning>), Refusal> {
        let key = &KEY.parse().unwrap();
        judge(CERTIFICATE, &Asked { key, ttl: None, users: &["ubuntu".to_owned()], now })
    }

    fn refused(text: &str) -> Refusal {
        let key = &KEY.parse().unwrap();
        judge(text, &Asked { key, ttl: None, users: &[], now: FROM }).unwrap_err()
    }

    #[test]
    fn a_good_certificate_says_what_it_grants() {
        let (certificate, warnings) = at(FROM + HOUR).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(certificate.principals, ["ubuntu", "root"]);
        assert_eq!(certificate.key_id, "vault-token-1");
        assert_eq!(certificate.seal(), SignatureStatus::Genuine);
        assert_eq!(certificate.extensions.len(), 5);
        assert_eq!(certificate.validity.left(FROM + HOUR), Some(Duration::from_secs(7 * HOUR)));
        // The comment is gone.
        assert_eq!(certificate.line().trim_end(), CERTIFICATE.trim_end().trim_end_matches(" me"));
    }

    #[test]
    fn its_first_second_counts_and_its_last_does_not() {
        assert_eq!(at(FROM - 1).unwrap_err(), Refusal::NotYet(Duration::from_secs(1)));
        assert!(at(FROM).is_ok());
        assert!(at(FROM + 8 * HOUR - 1).is_ok());
        assert_eq!(at(FROM + 8 * HOUR).unwrap_err(), Refusal::Over(Duration::ZERO));
        assert!(at(FROM - 60).unwrap_err().to_string().ends_with("is this machine's clock slow?"));
    }

    #[test]
    fn what_is_no_certificate_says_why() {
        let unreadable = |text: &str| match refused(text) {
            Refusal::Unreadable(why) => why,
            other => panic!("{other}"),
        };
        assert_eq!(unreadable(" \n"), Unreadable::Empty);
        assert_eq!(unreadable("<html>nginx</html>"), Unreadable::Format);
        assert_eq!(unreadable(KEY), Unreadable::PlainKey);
        assert_eq!(unreadable(&format!("{CERTIFICATE}{CERTIFICATE}")), Unreadable::Lines);
        assert_eq!(unreadable(&CERTIFICATE.replace(" me", " me\r# x")), Unreadable::Lines);
        assert_eq!(unreadable(&"A".repeat(10 << 20)), Unreadable::TooLong(10 << 20));
        assert_eq!(unreadable("x-cert-v01@openssh.com AAAA"), Unreadable::Kind);
        assert_eq!(unreadable(&CERTIFICATE.replace("AAAA", "A*AA")), Unreadable::Base64);
        let other = CERTIFICATE.replacen("ssh-ed25519", "ecdsa-sha2-nistp256", 1);
        assert_eq!(unreadable(&other), Unreadable::Bytes("kind"));
    }

    #[test]
    fn a_certificate_for_another_key_names_both() {
        let other = KEY.replace("L9W", "L9X").parse().unwrap();
        let asked = Asked { key: &other, ttl: None, users: &[], now: FROM };
        let refusal = judge(CERTIFICATE, &asked).unwrap_err().to_string();
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
            judge(&text, &Asked { key, ttl: None, users: &[], now: FROM })
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
                        certificate.seal(),
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
        let (_, warnings) = judge(CERTIFICATE, &Asked { key, ttl, users, now: FROM }).unwrap();
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
