//! A certificate authority, as the API has one: the real `ssh-keygen` signs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::api::Reply;
use super::process;
use super::sandbox::Sandbox;

/// A key that signs. A copy signs with the same one.
#[derive(Clone, Debug)]
pub struct Authority {
    key: PathBuf,
    /// Further arguments for `ssh-keygen -s`.
    arguments: Vec<String>,
}

impl Authority {
    /// One that signs for whoever runs the tests, for a second less than eight hours.
    pub fn new(sandbox: &Sandbox) -> Self {
        let key = sandbox.ssh_key("authority/ca");
        Self { key, arguments: Vec::new() }.signing(&["-n", &me(), "-V", "-1m:+28799s"])
    }

    /// The same key, which signs with these arguments in place of the usual ones.
    pub fn signing(&self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { key: self.key.clone(), arguments }
    }

    /// What an sshd's `TrustedUserCAKeys` should name.
    pub fn public_key(&self) -> PathBuf {
        self.key.with_extension("pub")
    }

    /// The certificate for a public key, as `ssh-keygen` writes it.
    pub fn certificate(&self, public_key: &str) -> String {
        let folder = tempfile::tempdir_in(self.key.parent().unwrap()).unwrap();
        let key = folder.path().join("key.pub");
        fs::write(&key, public_key).unwrap();
        let mut keygen = process::command("ssh-keygen");
        keygen.args(["-q", "-I", "tests", "-s"]).arg(&self.key).args(&self.arguments).arg(&key);
        process::run(&mut keygen, b"").succeeds();
        fs::read_to_string(folder.path().join("key-cert.pub")).unwrap()
    }

    /// The API's answer to a request for a certificate.
    pub fn answer(&self, request: &Value) -> Reply {
        let key = request["publicKey"].as_str().expect("a public key");
        answer(&self.certificate(key))
    }
}

/// The API's answer with this as the certificate.
pub fn answer(signed_key: &str) -> Reply {
    let data = json!({
        "signedKey": signed_key, "validPrincipals": [me()], "ttl": "8h", "nodes": [],
    });
    Reply::new(200, json!({"data": data, "status": "success"}).to_string())
}

/// Whoever runs the tests.
pub fn me() -> String {
    process::run(process::command("id").arg("-un"), b"").succeeds().trim_end().to_owned()
}

/// The files in a folder that end like a certificate.
pub fn certificates_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().ends_with("-cert.pub")).collect()
}
