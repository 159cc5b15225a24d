//! Judges whether a certificate is good for a login, and what to know about one that is. Pure: the
//! time is an argument.

use std::time::Duration;

use super::{Certificate, PublicKey, SignatureStatus};
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
/// A start in the future by no more seconds than this is a clock that is off, not a plan.
const CLOCK_OFF_MAX: u64 = 24 * 3600;
/// The longest text of the signer's that is shown, in characters.
const SHOWN: usize = 200;

/// Checks whether a certificate lets in who holds `key`, now, and returns for how much longer. The
/// error says why it does not.
pub fn check(certificate: &Certificate, key: &PublicKey, now: u64) -> Result<Duration, String> {
    let Certificate { valid_from: from, valid_until: until, .. } = *certificate;
    let ago = |seconds| span(Duration::from_secs(seconds));
    let most = span(VALIDITY_MAX);
    Err(match certificate.left(now) {
        _ if certificate.is_host => "it is for a host, not for a user".to_owned(),
        _ if certificate.key != *key => {
            let (theirs, ours) = (certificate.key.fingerprint(), key.fingerprint());
            format!("it is for the key {theirs}, not for {ours}")
        }
        // Servers refuse such a one.
        _ if certificate.principals.is_empty() => {
            "it names no principal, so no server lets anyone in".to_owned()
        }
        _ if from >= until => "it ends before it begins".to_owned(),
        None if now < from => {
            let is_off = from - now <= CLOCK_OFF_MAX;
            let clock = if is_off { "; is this machine's clock slow?" } else { "" };
            format!("it is not valid before {} from now{clock}", ago(from - now))
        }
        None => format!("it expired {} ago", ago(now - until)),
        Some(_) if certificate.is_endless() => {
            format!("it never expires; at most {most} are accepted")
        }
        Some(left) if left > VALIDITY_MAX + SLACK => {
            format!("it is valid for {}; at most {most} are accepted", span(left))
        }
        Some(_) if certificate.signature == SignatureStatus::Invalid => {
            "its signature does not fit: it was changed or damaged on the way".to_owned()
        }
        Some(left) => return Ok(left),
    })
}

/// A warning where a certificate does not name all users that ssh logs in as.
#[must_use]
pub fn other_users(certificate: &Certificate, users: &[String]) -> Option<String> {
    let names = |user: &&String| !certificate.principals.contains(user);
    let users: Vec<String> = users.iter().filter(names).cloned().collect();
    let (users, principals) = (listed(&users), listed(&certificate.principals));
    (!users.is_empty()).then(|| {
        format!("the certificate does not name {users}, whom ssh logs in as; it names {principals}")
    })
}

/// A warning where a certificate is granted for longer than was asked for, or, without a `ttl`, than
/// the API grants at most.
#[must_use]
pub fn too_long(granted: Duration, ttl: Option<Duration>) -> Option<String> {
    let (most, whose) = match ttl {
        Some(ttl) => (ttl, "asked for"),
        None => (TTL_MAX, "that the API promises at most"),
    };
    (granted > most + SLACK).then(|| {
        let (granted, most) = (span(granted), span(most));
        format!("the certificate is valid for {granted}, longer than the {most} {whose}")
    })
}

/// Warnings about what the signer of a good certificate did not permit.
#[must_use]
pub fn restrictions(certificate: &Certificate) -> Vec<String> {
    let sha1 = "is signed with SHA-1 (ssh-rsa), which OpenSSH refuses since 8.2";
    let is_sha1 = certificate.signature == SignatureStatus::Sha1;
    let options = certificate.critical_options.iter().filter_map(|(name, value)| {
        let value = shown(value);
        Some(match name.as_str() {
            "force-command" => format!("runs nothing but this command: {value}"),
            "source-address" => format!("is valid from these addresses only: {value}"),
            "verify-required" => return None,
            // OpenSSH refuses a certificate with any other one.
            name => format!(
                "has the critical option {}, and sshd refuses one that it does not know",
                shown(name)
            ),
        })
    });
    let lacks = |name| certificate.extensions.iter().all(|(extension, _)| extension != name);
    let (terminal, forwarding) = (
        "permits no terminal (permit-pty)",
        "permits no forwarding (permit-port-forwarding), which jump hosts need",
    );
    let all = is_sha1.then(|| sha1.to_owned()).into_iter().chain(options);
    let all = all.chain(lacks("permit-pty").then(|| terminal.to_owned()));
    let all = all.chain(lacks("permit-port-forwarding").then(|| forwarding.to_owned()));
    all.map(|what| format!("the certificate {what}")).collect()
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

    fn judged(text: &str, now: u64) -> Result<Certificate, String> {
        let certificate = Certificate::read(text)?;
        check(&certificate, &PublicKey::parse(KEY)?, now).map(|_| certificate)
    }

    fn at(now: u64) -> Result<Certificate, String> {
        judged(CERTIFICATE, now)
    }

    #[test]
    fn a_good_certificate_says_what_it_grants() {
        let certificate = at(FROM + HOUR).unwrap();
        assert_eq!(restrictions(&certificate), [""; 0]);
        assert_eq!(certificate.principals, ["ubuntu", "root"]);
        assert_eq!(certificate.key_id, "vault-token-1");
        assert_eq!(certificate.signature, SignatureStatus::Valid);
        assert_eq!(certificate.extensions.len(), 5);
        assert_eq!(certificate.left(FROM + HOUR), Some(Duration::from_secs(7 * HOUR)));
        // The comment is gone.
        assert_eq!(certificate.line.trim_end(), CERTIFICATE.trim_end().trim_end_matches(" me"));
    }

    #[test]
    fn its_first_second_counts_and_its_last_does_not() {
        let refused = |now| at(now).unwrap_err();
        assert!(refused(FROM - 1).starts_with("it is not valid before 1 s from now"));
        assert!(at(FROM).is_ok());
        assert!(at(FROM + 8 * HOUR - 1).is_ok());
        assert_eq!(refused(FROM + 8 * HOUR), "it expired 0 s ago");
        assert!(refused(FROM - 60).ends_with("is this machine's clock slow?"));
        assert!(refused(FROM - 25 * HOUR).ends_with("25 h from now"));
    }

    #[test]
    fn what_is_no_certificate_says_why() {
        for (text, why) in [
            (" \n".to_owned(), "it is empty"),
            ("<html>nginx</html>".to_owned(), "it is not a line of a kind and a certificate"),
            (KEY.to_owned(), "it is a public key that nobody signed"),
            (format!("{CERTIFICATE}{CERTIFICATE}"), "it is more than one line"),
            (CERTIFICATE.replace(" me", " me\r# x"), "it is more than one line"),
            ("A".repeat(10 << 20), "it is 10485760 bytes long; a certificate has at most 65536"),
            ("x-cert-v01@openssh.com AAAA".to_owned(), "it is of an unknown kind"),
            (CERTIFICATE.replace("AAAA", "A*AA"), "its base64 is damaged"),
            (
                CERTIFICATE.replacen("ssh-ed25519", "ecdsa-sha2-nistp256", 1),
                "it is damaged at its kind",
            ),
        ] {
            assert_eq!(judged(&text, FROM).unwrap_err(), why);
        }
    }

    #[test]
    fn a_certificate_for_another_key_names_both() {
        let other = PublicKey::parse(&KEY.replace("L9W", "L9X")).unwrap();
        let refusal = check(&at(FROM).unwrap(), &other, FROM).unwrap_err();
        let theirs = "SHA256:CkAk5Zi+0rfaYScdWdugsIhQhb2VxPjbPxPRJ6oi7qI";
        let ours = other.fingerprint();
        assert_eq!(refusal, format!("it is for the key {theirs}, not for {ours}"));
    }

    #[test]
    fn no_damage_passes() {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;

        let base64 = CERTIFICATE.split(' ').nth(1).unwrap();
        let blob = STANDARD.decode(base64).unwrap();
        let judged = |blob: &[u8]| {
            let text = format!("ssh-ed25519-cert-v01@openssh.com {}", STANDARD.encode(blob));
            judged(&text, FROM)
        };
        assert!(judged(&blob).is_ok());
        let mut unchecked = std::collections::BTreeSet::new();
        for place in 0..blob.len() {
            assert!(judged(&blob[..place]).is_err(), "cut at {place}");
            for bit in 0..8 {
                let mut damaged = blob.clone();
                damaged[place] ^= 1 << bit;
                if let Ok(certificate) = judged(&damaged) {
                    let expected = SignatureStatus::Unchecked;
                    assert_eq!(certificate.signature, expected, "bit {bit} at {place}");
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
        let certificate = at(FROM).unwrap();
        let users = &["ubuntu".to_owned(), "admin".to_owned()];
        assert_eq!(
            other_users(&certificate, users).unwrap(),
            "the certificate does not name admin, whom ssh logs in as; it names ubuntu, root"
        );
        assert_eq!(other_users(&certificate, &users[..1]), None);
        assert_eq!(
            too_long(certificate.left(FROM).unwrap(), Some(Duration::from_secs(2 * HOUR))).unwrap(),
            "the certificate is valid for 8 h, longer than the 2 h asked for"
        );
        assert_eq!(too_long(certificate.left(FROM).unwrap(), None), None);
    }
}
