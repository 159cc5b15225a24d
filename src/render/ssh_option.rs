//! One option of ssh for every host, `KEY=VALUE`: a default, or one that the user adds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::name::Invalid;
use crate::text::sanitize::is_control;

/// A keyword of `ssh_config(5)` and a value for it, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshOption {
    keyword: Cow<'static, str>,
    value: Box<str>,
}

impl SshOption {
    /// A default of ours.
    pub(super) fn ours(keyword: &'static str, value: &str) -> Self {
        Self { keyword: Cow::Borrowed(keyword), value: value.into() }
    }

    /// It as a line of an `ssh_config`.
    pub(super) fn line(&self) -> String {
        [&self.keyword, " ", &*self.value].concat()
    }

    /// Returns whether it decides which key is shown, or what vouches for the host: such lines
    /// stand with the host itself in a flat layout.
    pub(super) fn is_for_login(&self) -> bool {
        matches!(
            self.keyword(),
            "IdentityFile" | "IdentitiesOnly" | "CertificateFile" | "UserKnownHostsFile"
        )
    }

    /// The keyword, as the manual writes it if we know it.
    #[must_use]
    pub fn keyword(&self) -> &str {
        &self.keyword
    }

    /// The value as it was given.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns whether ssh takes each value of this keyword, and not only the first.
    #[must_use]
    pub fn accumulates(&self) -> bool {
        ACCUMULATING.contains(&self.keyword())
    }

    /// Returns whether the keyword is one that we know. Another one may be known to the ssh of this
    /// machine, as Apple's `UseKeychain` is.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!(self.keyword, Cow::Borrowed(_))
    }
}

/// As it is typed, and as ssh takes it behind `-o`.
impl fmt::Display for SshOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.keyword, self.value)
    }
}

impl FromStr for SshOption {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (keyword, value) = text
            .split_once('=')
            .ok_or_else(|| Invalid::because("an ssh option is KEYWORD=VALUE"))?;
        let keyword = canonical(keyword.trim())?;
        let value = value.trim();
        check_value(value)?;
        Ok(Self { keyword, value: value.into() })
    }
}

fn canonical(word: &str) -> Result<Cow<'static, str>, Invalid> {
    if let Some((keyword, instead)) =
        OURS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word))
    {
        return Err(Invalid::because(format!("{keyword} {instead}")));
    }
    if word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Invalid::because("an ssh option is KEYWORD=VALUE, as in ssh_config(5)"));
    }
    let known = KNOWN.split(' ').find(|keyword| keyword.eq_ignore_ascii_case(word));
    Ok(known.map_or_else(|| Cow::Owned(word.to_owned()), Cow::Borrowed))
}

fn check_value(value: &str) -> Result<(), Invalid> {
    if value.is_empty() {
        return Err(Invalid::because("an ssh option needs a value"));
    }
    if value.chars().any(is_control) {
        return Err(Invalid::because("an ssh option is one line of plain text"));
    }
    if value.matches('"').count() % 2 == 1 {
        return Err(Invalid::because("an open quote, on which ssh would stop for every host"));
    }
    Ok(())
}

/// Keywords of which ssh keeps every value that it reads.
const ACCUMULATING: [&str; 6] = [
    "CertificateFile",
    "DynamicForward",
    "IdentityFile",
    "LocalForward",
    "RemoteForward",
    "SendEnv",
];

/// Keywords that would break what a host is, with what to do instead.
const OURS: [(&str, &str); 14] = [
    ("CanonicalDomains", STRUCTURE),
    ("CanonicalizeHostname", STRUCTURE),
    (
        "ControlPath",
        "is ours: it must name the machine, or a shared connection reaches another one",
    ),
    ("Host", STRUCTURE),
    ("HostKeyAlias", "is ours: it ties a host key to its machine"),
    ("HostName", "comes from the API"),
    ("IgnoreUnknown", STRUCTURE),
    ("Include", STRUCTURE),
    ("Match", STRUCTURE),
    ("Port", "comes from the API"),
    ("ProxyCommand", JUMPS),
    ("ProxyJump", JUMPS),
    ("ProxyUseFdpass", JUMPS),
    ("User", "has an option of its own: --user"),
];

const JUMPS: &str =
    "is ours; --bastion HOST leads to all hosts through that one, --jump-via HOST to workers";
const STRUCTURE: &str = "would change which lines ssh reads for which host";

/// The other keywords of `ssh_config(5)`, OpenSSH 7.6 to 10.3.
const KNOWN: &str = "\
    AddKeysToAgent AddressFamily BatchMode BindAddress BindInterface CASignatureAlgorithms \
    CanonicalizeFallbackLocal CanonicalizeMaxDots CanonicalizePermittedCNAMEs CertificateFile \
    ChannelTimeout CheckHostIP Ciphers ClearAllForwardings Compression ConnectTimeout \
    ConnectionAttempts ControlMaster ControlPersist DynamicForward EnableEscapeCommandline \
    EnableSSHKeysign EscapeChar ExitOnForwardFailure FingerprintHash ForkAfterAuthentication \
    ForwardAgent ForwardX11 ForwardX11Timeout ForwardX11Trusted GSSAPIAuthentication \
    GSSAPIDelegateCredentials GatewayPorts GlobalKnownHostsFile HashKnownHosts HostKeyAlgorithms \
    HostbasedAcceptedAlgorithms HostbasedAuthentication IPQoS IdentitiesOnly IdentityAgent \
    IdentityFile KbdInteractiveAuthentication KbdInteractiveDevices KexAlgorithms \
    KnownHostsCommand LocalCommand LocalForward LogLevel LogVerbose MACs \
    NoHostAuthenticationForLocalhost NumberOfPasswordPrompts ObscureKeystrokeTiming \
    PKCS11Provider PasswordAuthentication PermitLocalCommand PermitRemoteOpen \
    PreferredAuthentications PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes \
    PubkeyAuthentication RefuseConnection RekeyLimit RemoteCommand RemoteForward RequestTTY \
    RequiredRSASize RevokedHostKeys SecurityKeyProvider SendEnv ServerAliveCountMax \
    ServerAliveInterval SessionType SetEnv StdinNull StreamLocalBindMask StreamLocalBindUnlink \
    StrictHostKeyChecking SyslogFacility TCPKeepAlive Tag Tunnel TunnelDevice UpdateHostKeys \
    UserKnownHostsFile VerifyHostKeyDNS VersionAddendum VisualHostKey WarnWeakCrypto \
    XAuthLocation";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        text.parse::<SshOption>().map(|o| o.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn keywords_in_the_form_of_the_manual() {
        assert_eq!(parsed("serveraliveinterval=5").unwrap(), "ServerAliveInterval=5");
        assert_eq!(parsed("usekeychain=yes").unwrap(), "usekeychain=yes");
        assert_eq!(parsed(" SetEnv = A=\"b c\" ").unwrap(), "SetEnv=A=\"b c\"");
    }

    #[test]
    fn what_is_ours_or_nobodys_is_refused() {
        for (keyword, _) in OURS {
            let error = parsed(&format!("{}=x", keyword.to_lowercase())).unwrap_err();
            assert!(error.starts_with(keyword), "{error}");
        }
        for text in [
            "",
            "Compression",
            "=yes",
            "Compression=",
            "Compression= ",
            "A B=c",
            "Tag=a\nProxyCommand=x",
            "Tag=\u{1b}[2J",
            "Tag=\"open",
            "Compression yes",
        ] {
            assert!(parsed(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_keyword_stands_in_two_lists() {
        for (keyword, _) in OURS {
            assert!(!KNOWN.split(' ').any(|known| known == keyword));
        }
        assert!(ACCUMULATING.iter().all(|keyword| KNOWN.split(' ').any(|known| known == *keyword)));
    }
}
