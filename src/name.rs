//! Checked values: what may stand in a file that ssh or Ansible reads.
//!
//! OpenSSH checks nothing that it reads from a config file, and there is no quoting that makes an
//! arbitrary `HostName` safe. So each value is checked once, here, against a list of what is
//! allowed; what does not fit becomes an [`Invalid`] that says why. The fields are private: a
//! value of one of these types cannot hold anything else.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::untrusted::{is_bidirectional, is_control};

/// Why a value was refused: a reason in a few words, without the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    pub(crate) fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// Declares a checked text type: a private [`Cow`] with `new`, `FromStr`, `Display` and `as_str`.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<'a>(Cow<'a, str>);

        impl<'a> $name<'a> {
            /// Checks `text`; the error says what is wrong with it.
            pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The checked text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The checked text, with what it borrows from.
            #[must_use]
            pub fn as_cow(&self) -> &Cow<'a, str> {
                &self.0
            }

            /// The same value, independent of the text it was read from.
            #[must_use]
            pub fn into_owned(self) -> $name<'static> {
                $name(Cow::Owned(self.0.into_owned()))
            }
        }

        impl FromStr for $name<'static> {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text.to_owned())
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// The longest name part: one label of a DNS name.
const SLUG_MAX: usize = 63;
/// Hex digits of an id part.
const ID_PART: usize = 8;
/// The most hex digits of a hash in a name: some of the name stays in front of it.
const HASH_MAX: usize = SLUG_MAX - 7;

checked_text! {
    /// One part of an alias: `[a-z0-9]+(-[a-z0-9]+)*`, at most 63 characters, never `none` (which
    /// turns `ProxyJump` off). It holds no dot, so the dot can separate the parts.
    Slug, check_slug
}

fn check_slug(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::because("empty"));
    }
    if text.len() > SLUG_MAX {
        return Err(Invalid::because("over 63 characters"));
    }
    if text == "none" {
        return Err(Invalid::because("`none` means no host to ssh"));
    }
    let parts_fit = text.split('-').all(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if parts_fit {
        Ok(())
    } else {
        Err(Invalid::because("only `a-z`, `0-9` and single `-` between them are allowed"))
    }
}

impl<'a> Slug<'a> {
    /// The slug of a name that a person gave: ASCII lower case, every other run one `-`, trimmed.
    ///
    /// A name that leaves nothing, `none`, or more than 63 characters gets the id part of `id`.
    /// So does one that ends in as much of a hash as [`Slug::of_id`] gives at most: that is the
    /// last resort of a name that collides, and nobody else may have it.
    /// Borrows where the name is a slug as it stands.
    #[must_use]
    pub fn of_name(name: &Cow<'a, str>, id: &str) -> Self {
        if check_slug(name).is_ok() && !ends_in_hash(name) {
            return Self(name.clone());
        }
        let slug = dashed(name);
        if check_slug(&slug).is_ok() && !ends_in_hash(&slug) {
            Self(Cow::Owned(slug))
        } else {
            Self(Cow::Owned(join_cut(&slug, &id_part(id))))
        }
    }

    /// The slug of a name where that needs no id part, as in [`Slug::of_name`].
    #[must_use]
    pub fn exact(name: &str) -> Option<Slug<'static>> {
        Slug::new(dashed(name)).ok().filter(|slug| !ends_in_hash(&slug.0))
    }

    /// This slug with `suffix` behind it, cut in front so that the whole fits.
    #[must_use]
    pub fn with_suffix(&self, suffix: &Slug<'_>) -> Slug<'static> {
        Slug(Cow::Owned(join_cut(&self.0, &suffix.0)))
    }
}

impl Slug<'static> {
    /// The first word of every alias unless the user says another.
    #[must_use]
    pub fn prime() -> Self {
        Self(Cow::Borrowed("prime"))
    }

    /// The first `parts` times eight hex digits of the SHA-256 of `id`; more than one part only
    /// where ids were made to share their first.
    #[must_use]
    pub fn of_id(id: &str, parts: usize) -> Self {
        Self(Cow::Owned(hash(id, (parts * ID_PART).clamp(ID_PART, HASH_MAX))))
    }
}

/// The id part of an id: the first 8 hex digits of its SHA-256.
#[must_use]
pub fn id_part(id: &str) -> String {
    hash(id, ID_PART)
}

/// The first `digits` hex digits of the SHA-256 of a text.
#[must_use]
pub fn hash(text: &str, digits: usize) -> String {
    let mut hex = format!("{:x}", Sha256::digest(text.as_bytes()));
    hex.truncate(digits);
    hex
}

/// Whether a slug's last part is a hash in its full length.
fn ends_in_hash(slug: &str) -> bool {
    let last = slug.rsplit('-').next().unwrap_or_default();
    last.len() == HASH_MAX && last.bytes().all(|b| b.is_ascii_hexdigit())
}

fn dashed(name: &str) -> String {
    let mut slug = String::with_capacity(name.len().min(SLUG_MAX + 1));
    for c in name.chars() {
        // Two characters past the limit are enough to know that it was passed.
        if slug.len() > SLUG_MAX + 1 {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if slug.len() <= SLUG_MAX + 1 && slug.ends_with('-') {
        slug.pop();
    }
    slug
}

fn join_cut(front: &str, suffix: &str) -> String {
    let room = SLUG_MAX.saturating_sub(suffix.len() + 1);
    let front = front.get(..room).unwrap_or(front).trim_end_matches('-');
    if front.is_empty() { suffix.to_owned() } else { format!("{front}-{suffix}") }
}

/// A name that ssh is called with: `prefix.cluster` or `prefix.cluster.node`.
///
/// The dot separates because a [`Slug`] holds none: no cluster's pattern catches another's hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias<'a> {
    prefix: &'a Slug<'a>,
    cluster: &'a Slug<'a>,
    node: Option<&'a Slug<'a>>,
}

impl<'a> Alias<'a> {
    /// The name of a whole cluster, which leads to its first control node.
    #[must_use]
    pub fn of_cluster(prefix: &'a Slug<'a>, cluster: &'a Slug<'a>) -> Self {
        Self { prefix, cluster, node: None }
    }

    /// The name of one host of a cluster.
    #[must_use]
    pub fn of_node(prefix: &'a Slug<'a>, cluster: &'a Slug<'a>, node: &'a Slug<'a>) -> Self {
        Self { prefix, cluster, node: Some(node) }
    }
}

impl fmt::Display for Alias<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One write a part, not one formatted line: this stands in every line of a large file.
        f.write_str(self.prefix.as_str())?;
        f.write_str(".")?;
        f.write_str(self.cluster.as_str())?;
        if let Some(node) = self.node {
            f.write_str(".")?;
            f.write_str(node.as_str())?;
        }
        Ok(())
    }
}

/// Where ssh connects to: the canonical text of an address, or a lower-case DNS name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName<'a>(Place<'a>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place<'a> {
    Address(IpAddr),
    Name(Cow<'a, str>),
}

impl<'a> HostName<'a> {
    /// Checks an address or a DNS name; a DNS name loses its trailing dot and its upper case.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        if text.is_empty() {
            return Err(Invalid::because("empty"));
        }
        if let Some(reason) = unprintable(&text) {
            return Err(reason);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            check_v4(address)?;
            return Ok(Self(Place::Address(IpAddr::V4(address))));
        }
        if text.contains(':') {
            let address = text.parse::<Ipv6Addr>().map_err(|_| {
                Invalid::because(
                    "not an IPv6 address (no brackets, no zone, and the port has its own field)",
                )
            })?;
            check_v6(address)?;
            return Ok(Self(Place::Address(IpAddr::V6(address))));
        }
        let name = canonical_dns(text);
        check_dns(&name)?;
        Ok(Self(Place::Name(name)))
    }

    /// The address, where it is one and not a DNS name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match &self.0 {
            Place::Address(address) => Some(*address),
            Place::Name(_) => None,
        }
    }

    /// Whether it is a place that only a neighbour reaches: RFC 1918, 100.64.0.0/10 (RFC 6598),
    /// unique-local IPv6 (RFC 4193), a single-label name, or one below `.internal`, `.local`, `.lan`.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match &self.0 {
            Place::Address(IpAddr::V4(v4)) => {
                let [first, second, ..] = v4.octets();
                v4.is_private() || (first == 100 && (64..128).contains(&second))
            }
            Place::Address(IpAddr::V6(v6)) => v6.is_unique_local(),
            Place::Name(name) => match name.rsplit_once('.') {
                None => true,
                Some((_, last)) => matches!(last, "internal" | "local" | "lan"),
            },
        }
    }

    /// The same value, independent of the text it was read from.
    #[must_use]
    pub fn into_owned(self) -> HostName<'static> {
        HostName(match self.0 {
            Place::Address(address) => Place::Address(address),
            Place::Name(name) => Place::Name(Cow::Owned(name.into_owned())),
        })
    }
}

impl FromStr for HostName<'static> {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text.to_owned())
    }
}

impl fmt::Display for HostName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Address(address) => address.fmt(f),
            Place::Name(name) => f.write_str(name),
        }
    }
}

fn check_v4(address: Ipv4Addr) -> Result<(), Invalid> {
    let reason = if address.is_unspecified() {
        "the unspecified address"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address.is_link_local() {
        "a link-local address"
    } else if address.is_broadcast() {
        "the broadcast address"
    } else {
        return Ok(());
    };
    Err(Invalid::because(reason))
}

fn check_v6(address: Ipv6Addr) -> Result<(), Invalid> {
    let reason = if address.is_unspecified() {
        "the unspecified address"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address.is_unicast_link_local() {
        "a link-local address, which means nothing without a zone"
    } else if address.to_ipv4_mapped().is_some() {
        "an IPv4 address in IPv6 form"
    } else {
        return Ok(());
    };
    Err(Invalid::because(reason))
}

fn canonical_dns(name: Cow<'_, str>) -> Cow<'_, str> {
    let name = match name {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('.').unwrap_or(text)),
        Cow::Owned(mut text) => {
            if text.ends_with('.') {
                text.pop();
            }
            Cow::Owned(text)
        }
    };
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        name
    }
}

/// A DNS name whose last label starts with a letter: `0x7f.1` and `2130706433` are addresses to a
/// resolver, in forms that reach odd places.
fn check_dns(name: &str) -> Result<(), Invalid> {
    if name.len() > 253 {
        return Err(Invalid::because("over 253 characters"));
    }
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    for label in name.split('.') {
        let bytes = label.as_bytes();
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return Err(Invalid::because("an empty label in a DNS name"));
        };
        if bytes.len() > 63 {
            return Err(Invalid::because("a label of over 63 characters"));
        }
        if let Some(bad) = label.chars().find(|&c| !(c.is_ascii() && inner(c as u8))) {
            return Err(Invalid::because(format!(
                "{} is not allowed in a DNS name",
                described(bad)
            )));
        }
        if !edge(first) || !edge(last) {
            return Err(Invalid::because("a label must start and end with a letter or digit"));
        }
    }
    let last_label = name.rsplit('.').next().unwrap_or_default();
    if last_label.starts_with(|c: char| c.is_ascii_lowercase()) {
        Ok(())
    } else {
        Err(Invalid::because(
            "neither an IP address in its usual form nor a DNS name (its last label must start with a letter)",
        ))
    }
}

fn described(c: char) -> String {
    if c == ' ' {
        "a space".to_owned()
    } else if c.is_ascii_graphic() {
        format!("`{c}`")
    } else {
        format!("U+{:04X}", u32::from(c))
    }
}

checked_text! {
    /// A login name: `[A-Za-z_][A-Za-z0-9_.-]{0,31}`. Newer ssh expands `%x` and `${VAR}` in one.
    UserName, check_user
}

fn check_user(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::because("empty"));
    }
    if text.len() > 32 {
        return Err(Invalid::because("over 32 characters"));
    }
    check_characters(text, "a user name", "-_.", |first| {
        first.is_ascii_alphabetic() || *first == b'_'
    })
}

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(NonZeroU16);

impl Port {
    /// ssh's own port, 22.
    pub const SSH: Self = Self(match NonZeroU16::new(22) {
        Some(port) => port,
        None => NonZeroU16::MIN,
    });

    /// Checks a whole number.
    pub fn new(number: i64) -> Result<Self, Invalid> {
        u16::try_from(number)
            .ok()
            .and_then(NonZeroU16::new)
            .map(Self)
            .ok_or_else(|| Invalid::because("not a port: 1 to 65535"))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl FromStr for Port {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| digits)
            .map_or_else(|| Err(Invalid::because("not a port: 1 to 65535")), Self::new)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

checked_text! {
    /// The id of a cluster, a node or a machine (pod): `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
    Id, check_id
}

fn check_id(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::because("empty"));
    }
    if text.len() > 64 {
        return Err(Invalid::because("over 64 characters"));
    }
    check_characters(text, "an id", "-_", u8::is_ascii_alphanumeric)
}

/// Whether a text is ASCII letters, digits and `further` only, and starts with what `starts` takes.
fn check_characters(
    text: &str,
    what: &str,
    further: &str,
    starts: fn(&u8) -> bool,
) -> Result<(), Invalid> {
    let further = further.as_bytes();
    let fits = |b: u8| b.is_ascii_alphanumeric() || further.contains(&b);
    if !text.bytes().all(fits) {
        let bad = text.chars().find(|&c| !(c.is_ascii() && fits(c as u8))).unwrap_or_default();
        return Err(unprintable(text).unwrap_or_else(|| {
            Invalid::because(format!("{} is not allowed in {what}", described(bad)))
        }));
    }
    if text.as_bytes().first().is_some_and(starts) {
        Ok(())
    } else {
        Err(Invalid::because(format!(
            "{what} cannot start with `{}`",
            text.get(..1).unwrap_or_default()
        )))
    }
}

/// The name under which `known_hosts` holds a machine's key (`ssh_config(5)`, HostKeyAlias):
/// `prime-<machine>`, and `-<port>` where the port is not 22.
///
/// It follows the machine and not its address, so that a recycled address is a new machine. The
/// port is there whatever other connections the machine has: an alias that changed with them
/// would let a changed key pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostKeyAlias<'a> {
    machine: &'a Id<'a>,
    port: Port,
}

impl<'a> HostKeyAlias<'a> {
    /// The name for the sshd of `machine` that listens on `port`.
    #[must_use]
    pub fn new(machine: &'a Id<'a>, port: Port) -> Self {
        Self { machine, port }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn width(&self) -> usize {
        let port = self.port.get();
        let digits = port.checked_ilog10().map_or(1, |log| log as usize + 1);
        let behind = if self.port == Port::SSH { 0 } else { 1 + digits };
        "prime-".len() + self.machine.as_str().len() + behind
    }
}

impl fmt::Display for HostKeyAlias<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("prime-")?;
        f.write_str(self.machine.as_str())?;
        if self.port != Port::SSH {
            f.write_str("-")?;
            self.port.fmt(f)?;
        }
        Ok(())
    }
}

checked_text! {
    /// A path on this machine, never from the API: it starts with `~/` or `/` and holds no control
    /// character, quote, backslash, `%`, `$` or `..` part, so that it stands in double quotes as a
    /// whole and ssh expands nothing in it but the `~`.
    LocalPath, check_path
}

fn check_path(text: &str) -> Result<(), Invalid> {
    if !(text.starts_with("~/") || text.starts_with('/')) {
        return Err(Invalid::because("a path starts with `/` or `~/`"));
    }
    if let Some(reason) = unprintable(text) {
        return Err(reason);
    }
    if let Some(bad) = text.chars().find(|c| matches!(c, '"' | '\'' | '\\' | '%' | '$')) {
        return Err(Invalid::because(format!(
            "ssh cannot be given a path with {}",
            described(bad)
        )));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(Invalid::because("a path with a `..` part"));
    }
    Ok(())
}

checked_text! {
    /// A text for people (a GPU's name, a role, a status, a name): at most 1,024 bytes, no control
    /// or direction-changing character, and nothing that Ansible would run as a template.
    Label, check_label
}

impl<'a> Label<'a> {
    /// As [`Label::new`], for a text that may be longer: a public key, at most 16,384 bytes.
    pub fn long(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        if text.len() > 16_384 {
            return Err(Invalid::because("over 16,384 bytes"));
        }
        check_text(&text)?;
        Ok(Self(text))
    }

    /// What a node is called that has no name to show.
    #[must_use]
    pub(crate) fn of_place(node: u32) -> Self {
        Self(Cow::Owned(format!("nodes[{node}]")))
    }
}

fn check_label(text: &str) -> Result<(), Invalid> {
    if text.len() > 1024 {
        return Err(Invalid::because("over 1,024 bytes"));
    }
    check_text(text)
}

fn check_text(text: &str) -> Result<(), Invalid> {
    if let Some(reason) = unprintable(text) {
        return Err(reason);
    }
    if is_template(text) {
        return Err(Invalid::because("a Jinja marker, which Ansible would run"));
    }
    Ok(())
}

/// Whether Ansible would run the text as a template of Jinja's.
#[must_use]
pub fn is_template(text: &str) -> bool {
    let marker = || ["{{", "{%", "{#"].iter().any(|marker| text.contains(marker));
    (text.as_bytes().contains(&b'{') && marker()) || text.starts_with("#jinja2:")
}

fn unprintable(text: &str) -> Option<Invalid> {
    // Most texts are plain ASCII, and this is asked of every value of a large answer.
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return None;
    }
    text.chars().find(|&c| is_control(c)).map(|c| {
        Invalid::because(if is_bidirectional(c) {
            "a character that changes the direction of text"
        } else {
            "control character"
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(name: &str) -> String {
        Slug::of_name(&Cow::Borrowed(name), "some-id").to_string()
    }

    #[test]
    fn slugs_of_names() {
        assert_eq!(slug("Train"), "train");
        assert_eq!(slug("  Llama 3 / run #7 "), "llama-3-run-7");
        assert_eq!(slug("a--b..c"), "a-b-c");
        assert_eq!(slug("ÜBER-1"), "ber-1");
        let part = id_part("some-id");
        assert_eq!(slug(""), part);
        assert_eq!(slug("日本"), part);
        assert_eq!(slug("None"), format!("none-{part}"));
        assert_eq!(slug(&"x".repeat(63)), "x".repeat(63));
        assert_eq!(slug(&"x".repeat(64)), format!("{}-{part}", "x".repeat(54)));
        assert_eq!(slug(&format!("{}-", "x".repeat(63))), "x".repeat(63));
        assert_eq!(slug(&format!("{}--y", "x".repeat(53))), format!("{}-y", "x".repeat(53)));
        assert!(Slug::new(slug(&"a-".repeat(400))).is_ok());
    }

    #[test]
    fn a_suffix_fits_by_cutting_in_front() {
        let long = Slug::new("y".repeat(63)).unwrap();
        let cut = long.with_suffix(&Slug::of_id("id", 1));
        assert_eq!(cut.as_str().len(), 63);
        assert!(Slug::new(cut.as_str().to_owned()).is_ok());
        for parts in 1..20 {
            assert!(Slug::new(Slug::of_id("id", parts).to_string()).is_ok());
        }
    }

    #[test]
    fn host_names_in_canonical_form() {
        for (given, canonical) in [
            ("203.0.113.10", "203.0.113.10"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("Node-1.Example.COM.", "node-1.example.com"),
            ("localhost", "localhost"),
            ("a_b.example", "a_b.example"),
            ("1.2.3.4.example.com", "1.2.3.4.example.com"),
        ] {
            assert_eq!(HostName::new(given).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn host_names_that_ssh_would_take_and_we_refuse() {
        for hostile in [
            "",
            ".",
            "a..b",
            "-oProxyCommand=x",
            "$(id)",
            "a;id",
            "user@h",
            "x'$(:>pwned)'",
            "010.1",
            "0x7f.1",
            "2130706433",
            "0",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "169.254.1.1",
            "fe80::1",
            "fe80::1%eth0",
            "[::1]",
            "[::1]:22",
            "1.2.3.4:22",
            "255.255.255.255",
            "h\n",
            "h\tx",
            "h x",
            "h%h",
            "хост",
            "h..",
            "-h",
            "h-",
            "10.0.0.256",
            "127.1",
            "a/b",
            "h\0",
        ] {
            assert!(HostName::new(hostile).is_err(), "{hostile:?}");
        }
        assert!(HostName::new("a".repeat(64)).is_err());
        assert!(HostName::new(format!("{}.example", "a.".repeat(130))).is_err());
    }

    #[test]
    fn private_places() {
        let private = |text: &str| HostName::new(text.to_owned()).unwrap().is_private();
        for text in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "100.127.255.254",
            "fd00::1",
            "node-1",
            "n.internal",
            "n.local",
            "n.lan",
        ] {
            assert!(private(text), "{text}");
        }
        for text in [
            "203.0.113.10",
            "172.32.0.1",
            "100.128.0.1",
            "100.63.0.1",
            "2001:db8::1",
            "n.example.com",
            "127.0.0.1",
            "internal.example.com",
        ] {
            assert!(!private(text), "{text}");
        }
    }

    #[test]
    fn users_ports_ids() {
        for user in ["root", "ubuntu", "_x", "a.b-c_d", &"u".repeat(32)] {
            assert!(UserName::new(user).is_ok(), "{user:?}");
        }
        for user in ["", "-l", "1a", "a b", "%h", "${HOME}", "a@b", "a\n", &"u".repeat(33), "é"] {
            assert!(UserName::new(user).is_err(), "{user:?}");
        }
        for port in [1, 22, 65535] {
            assert!(Port::new(port).is_ok());
        }
        for port in [0, -1, 65536, i64::MAX] {
            assert!(Port::new(port).is_err());
        }
        for port in ["", "+22", "0", "022x", "1e3", " 22", "65536"] {
            assert!(port.parse::<Port>().is_err(), "{port:?}");
        }
        for id in ["clst01", "0f", "A-b_c", &"i".repeat(64)] {
            assert!(Id::new(id).is_ok(), "{id:?}");
        }
        for id in ["", "-a", "_a", "a.b", "a/b", "..", "a b", "a,b", "*", &"i".repeat(65)] {
            assert!(Id::new(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn paths_that_can_stand_in_quotes() {
        for path in ["~/.ssh/id_ed25519", "/a b/c", "/ключ"] {
            assert!(LocalPath::new(path).is_ok(), "{path:?}");
        }
        for path in [
            "",
            "key",
            "~other/key",
            "~/a\"b",
            "/a'b",
            "/a\\b",
            "/%d",
            "/${HOME}",
            "/a/../b",
            "/a\nb",
        ] {
            assert!(LocalPath::new(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn labels_hold_nothing_that_a_reader_runs() {
        for label in ["H100_80GB", "", "наш кластер", "a } b", "#jinja", "it's \"x\""] {
            assert!(Label::new(label).is_ok(), "{label:?}");
        }
        for label in [
            "{{ x }}",
            "{% x",
            "{#",
            "#jinja2: x",
            "a\nb",
            "a\u{1b}[2J",
            "\u{85}",
            "a\u{202e}b",
            "\u{2028}",
            "\u{7f}",
        ] {
            assert!(Label::new(label).is_err(), "{label:?}");
        }
    }

    #[test]
    fn host_key_aliases_name_the_machine_and_an_unusual_port() {
        let machine = Id::new("pod1").unwrap();
        assert_eq!(HostKeyAlias::new(&machine, Port::SSH).to_string(), "prime-pod1");
        assert_eq!(
            HostKeyAlias::new(&machine, Port::new(2222).unwrap()).to_string(),
            "prime-pod1-2222"
        );
    }
}
