//! Certificates and identities as the real `ssh-keygen` makes them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::identity::{Identity, IdentityError};
use super::judge::{check, restrictions, too_long};
use super::{Certificate, PublicKey, SignatureStatus};

const KINDS: [(&str, &[&str]); 6] = [
    ("ed25519", &[]),
    ("rsa", &["-b", "2048"]),
    ("rsa", &["-b", "3072"]),
    ("ecdsa", &["-b", "256"]),
    ("ecdsa", &["-b", "384"]),
    ("ecdsa", &["-b", "521"]),
];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn keygen(&self, arguments: &[&str]) -> String {
        let out = Command::new("ssh-keygen")
            .args(arguments)
            .current_dir(self.0.path())
            .env("TZ", "UTC")
            .output()
            .unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn key(&self, name: &str, kind: &str, more: &[&str]) {
        self.keygen(&[&["-q", "-t", kind, "-N", "", "-C", "a b", "-f", name], more].concat());
    }

    /// Signs `key.pub` and gives the certificate's text.
    fn sign(&self, authority: &str, key: &str, more: &[&str]) -> String {
        let public = format!("{key}.pub");
        self.keygen(
            &[&["-q", "-s", authority, "-I", "me", "-n", "ubuntu"], more, &[&public]].concat(),
        );
        self.text(&format!("{key}-cert.pub"))
    }

    fn identity(&self, name: &str) -> Result<Identity, IdentityError> {
        Identity::read(&self.path(name))
    }

    fn fingerprint(&self, name: &str) -> String {
        self.keygen(&["-l", "-f", name]).split(' ').nth(1).unwrap().to_owned()
    }
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn judged(text: &str, key: &PublicKey) -> Result<(Certificate, Vec<String>), String> {
    let certificate = Certificate::read(text)?;
    check(&certificate, key, now())?;
    let warnings = restrictions(&certificate);
    Ok((certificate, warnings))
}

#[test]
fn every_kind_of_key_and_of_signer() {
    needs!("ssh-keygen");
    let folder = Folder::new();
    for (index, (kind, more)) in KINDS.iter().enumerate() {
        folder.key(&format!("key{index}"), kind, more);
        folder.key(&format!("ca{index}"), kind, more);
    }
    for (signer, (signer_kind, size)) in KINDS.iter().enumerate() {
        for name in (0..KINDS.len()).map(|key| format!("key{key}")) {
            let text = folder.sign(&format!("ca{signer}"), &name, &["-V", "-1m:+8h"]);
            let identity = folder.identity(&name).unwrap();
            assert_eq!(identity.public_key.fingerprint(), folder.fingerprint(&name));
            let (certificate, warnings) = judged(&text, &identity.public_key).unwrap();
            assert_eq!(warnings, [""; 0]);
            assert_eq!(certificate.principals, ["ubuntu"]);
            let expected =
                if signer == 5 { SignatureStatus::Unchecked } else { SignatureStatus::Valid };
            assert_eq!(certificate.signature, expected, "{signer_kind} {size:?}");
            let signer = folder.fingerprint(&format!("ca{signer}"));
            assert_eq!(certificate.authority.fingerprint(), signer);
        }
    }
}

#[test]
fn what_the_signer_says_comes_through() {
    needs!("ssh-keygen");
    let folder = Folder::new();
    folder.key("ca", "rsa", &["-b", "2048"]);
    folder.key("key", "ed25519", &[]);
    let key = folder.identity("key").unwrap().public_key;

    let endless = folder.sign("ca", "key", &["-V", "always:forever"]);
    let refused = |text: &str| judged(text, &key).unwrap_err();
    assert_eq!(refused(&endless), "it never expires; at most 24 h are accepted");
    let long = folder.sign("ca", "key", &["-V", "+25h"]);
    assert!(refused(&long).starts_with("it is valid for "));
    let whole_day = folder.sign("ca", "key", &["-V", "+24h"]);
    let whole_day = judged(&whole_day, &key).unwrap().0;
    let told = too_long(whole_day.left(now()).unwrap(), None).unwrap();
    assert!(told.ends_with("longer than the 8 h that the API promises at most"), "{told}");

    let bound = ["-V", "+1h", "-O", "clear", "-O", "force-command=id", "-O", "source-address=::1"];
    let more = ["-O", "critical:x@y=z", "-O", "verify-required", "-O", "extension:e@f=g"];
    let text = folder.sign("ca", "key", &[&bound[..], &more].concat());
    let (certificate, warnings) = judged(&text, &key).unwrap();
    let told: Vec<_> =
        certificate.extensions.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(told, [("e@f", "g")]);
    assert_eq!(
        warnings,
        [
            "the certificate runs nothing but this command: id",
            "the certificate is valid from these addresses only: ::1",
            "the certificate has the critical option x@y, and sshd refuses one that it does not \
             know",
            "the certificate permits no terminal (permit-pty)",
            "the certificate permits no forwarding (permit-port-forwarding), which jump hosts need",
        ]
    );

    let host = folder.sign("ca", "key", &["-h"]);
    assert_eq!(refused(&host), "it is for a host, not for a user");
    let over = folder.sign("ca", "key", &["-V", "-2h:-1h"]);
    assert!(refused(&over).starts_with("it expired "));
    let early = folder.sign("ca", "key", &["-V", "+5m:+1h"]);
    assert!(refused(&early).starts_with("it is not valid before "));
    let sha1 = folder.sign("ca", "key", &["-t", "ssh-rsa", "-V", "+1h"]);
    assert_eq!(
        judged(&sha1, &key).unwrap().1,
        ["the certificate is signed with SHA-1 (ssh-rsa), which OpenSSH refuses since 8.2"]
    );
    folder.keygen(&["-q", "-s", "ca", "-I", "me", "key.pub"]);
    assert!(refused(&folder.text("key-cert.pub")).starts_with("it names no principal"));
}

/// Writes a key of `kind` in the PEM format of old, without its `.pub`.
fn pem(folder: &Folder, name: &str, kind: &str, format: &str, passphrase: &str) -> String {
    folder.keygen(&["-q", "-t", kind, "-m", format, "-N", passphrase, "-f", name]);
    assert!(!folder.text(name).contains("OPENSSH"), "{kind} {format}");
    let public = folder.text(&format!("{name}.pub"));
    fs::remove_file(folder.path(&format!("{name}.pub"))).unwrap();
    public
}

#[test]
fn a_private_key_gives_its_public_half() {
    needs!("ssh-keygen");
    let folder = Folder::new();
    for (index, (kind, more)) in KINDS.iter().enumerate() {
        let name = format!("locked {index}");
        folder.keygen(&[&["-q", "-t", kind, "-N", "secret", "-f", &name], *more].concat());
        let beside = folder.identity(&name).unwrap();
        fs::remove_file(folder.path(&format!("{name}.pub"))).unwrap();
        assert_eq!(folder.identity(&name).unwrap(), beside);
    }
    for (kind, format) in [("rsa", "PEM"), ("rsa", "PKCS8"), ("ecdsa", "PEM"), ("ecdsa", "PKCS8")] {
        let name = format!("{kind}-{format}");
        let public = pem(&folder, &name, kind, format, "");
        assert_eq!(folder.identity(&name).unwrap().public_key, PublicKey::parse(&public).unwrap());
    }
    pem(&folder, "locked-pem", "rsa", "PEM", "secret");
    let problem = folder.identity("locked-pem").unwrap_err();
    assert!(
        matches!(&problem, IdentityError::Private(_, said) if said.contains("passphrase")),
        "{problem}"
    );
    assert!(problem.hint().contains("ssh-keygen -y -f"), "{}", problem.hint());
}

#[test]
fn a_pub_means_its_private_key_where_there_is_one() {
    needs!("ssh-keygen");
    let folder = Folder::new();
    folder.key("key", "ed25519", &[]);
    folder.key("other", "ed25519", &[]);
    let whole = folder.identity("key").unwrap();
    assert_eq!(folder.identity("key.pub").unwrap(), whole);

    fs::copy(folder.path("other.pub"), folder.path("key.pub")).unwrap();
    assert!(matches!(folder.identity("key"), Err(IdentityError::Mismatch(_))));

    fs::remove_file(folder.path("key")).unwrap();
    let agent = folder.identity("key").unwrap();
    assert_eq!(agent.public_key, PublicKey::parse(&folder.text("other.pub")).unwrap());

    fs::remove_file(folder.path("key.pub")).unwrap();
    assert!(matches!(folder.identity("key"), Err(IdentityError::Missing(_))));

    pem(&folder, "pem", "rsa", "PEM", "");
    fs::copy(folder.path("other.pub"), folder.path("pem.pub")).unwrap();
    let unverified = folder.identity("pem").unwrap();
    assert!(matches!(unverified.verify(), Err(IdentityError::Mismatch(_))));
}

#[test]
fn a_path_that_holds_no_key_says_so() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| fs::write(folder.path(name), text).unwrap();
    write("damaged.pub", "ssh-ed25519 AAAA");
    assert!(matches!(folder.identity("damaged"), Err(IdentityError::NoKey(..))));
    fs::create_dir(folder.path("folder")).unwrap();
    assert!(matches!(folder.identity("folder"), Err(IdentityError::Unreadable(..))));
    write("long", &"x".repeat(70_000));
    assert!(matches!(folder.identity("long"), Err(IdentityError::Unreadable(..))));
    let missing = folder.identity("no such/key").unwrap_err();
    let path = folder.path("no such/key");
    assert_eq!(missing.to_string(), format!("there is no key at '{}'", path.display()));
    for way in
        ["ssh-keygen -t ed25519", "--identity-file", "PRIME_SSH_KEY_PATH", "set-ssh-key-path"]
    {
        assert!(missing.hint().contains(way), "{way}");
    }
}

#[test]
fn a_hardware_key_needs_no_library() {
    // `sk-ssh-ed25519@openssh.com`: a point and the application `ssh:`.
    let blob =
        [&b"\0\0\0\x1ask-ssh-ed25519@openssh.com\0\0\0\x20"[..], &[7; 32], &b"\0\0\0\x04ssh:"[..]]
            .concat();
    let key = PublicKey::from_blob(&blob).unwrap();
    let folder = Folder::new();
    fs::write(folder.path("id_sk.pub"), format!("{key} token\n")).unwrap();
    let identity = folder.identity("id_sk.pub").unwrap();
    assert_eq!(identity.public_key, key);
}

#[test]
fn why_a_key_is_not_read_is_said_once() {
    let path = PathBuf::from("id");
    let system = std::io::Error::from_raw_os_error(13).to_string();
    let not_a_key = PublicKey::parse("x").unwrap_err();
    for error in
        [IdentityError::Unreadable(path.clone(), system), IdentityError::NoKey(path, not_a_key)]
    {
        let said = error.to_string();
        assert_eq!(format!("{:#}", anyhow::Error::from(error)), said);
    }
}
