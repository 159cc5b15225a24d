//! Host keys under another name: a machine's name in `known_hosts` may change, and its keys must not
//! be forgotten, or a changed one would be trusted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// The text with each key of an old name under the new one, too.
pub(super) fn with_renamed(known_hosts: &[u8], renamed: &[(String, String)]) -> Vec<u8> {
    let mut text = known_hosts.to_owned();
    for (old, new) in renamed {
        for line in known_hosts.split(|&byte| byte == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((names, key)) = line.split_once(' ') else { continue };
            let copy = format!("{new} {key}");
            let is_there = known_hosts.split(|&byte| byte == b'\n').any(|l| l == copy.as_bytes());
            if names_host(names, old) && !is_there {
                if !text.is_empty() && !text.ends_with(b"\n") {
                    text.push(b'\n');
                }
                text.extend(copy.as_bytes());
                text.push(b'\n');
            }
        }
    }
    text
}

/// Returns whether the first field of a line is about this name: names with commas, or one that is
/// hashed (`sshd(8)`, its section on known hosts).
fn names_host(names: &str, name: &str) -> bool {
    let Some(hashed) = names.strip_prefix("|1|") else {
        return names.split(',').any(|known| known == name);
    };
    let decoded = |text: &str| STANDARD.decode(text).ok();
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let Some((salt, hash)) = decoded(salt).zip(decoded(hash)) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    hmac::verify(&key, name.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_by_the_new_name_too() {
        let salt = [7; 20];
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
        let hash = hmac::sign(&key, b"prime-b-22");
        let hashed = format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash.as_ref()));
        let text = format!("prime-a-22 ssh-ed25519 AAAA\n{hashed} ssh-rsa BBBB\nother x y\n");
        let renamed = [("a-22", "a"), ("b-22", "b")]
            .map(|(o, n)| (format!("prime-{o}"), format!("prime-{n}")));
        let new = with_renamed(text.as_bytes(), &renamed);
        let added = "prime-a ssh-ed25519 AAAA\nprime-b ssh-rsa BBBB\n";
        assert_eq!(String::from_utf8(new.clone()).unwrap(), text + added);
        assert_eq!(with_renamed(&new, &renamed), new, "once is enough");
    }
}
