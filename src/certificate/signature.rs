//! Checks a certificate's signature. Servers decide whether to trust the signer; this finds damage,
//! which they would not explain.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use super::PublicKey;
use super::encoding::Fields;

/// The result of checking a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureStatus {
    /// Made by the signer over exactly this certificate.
    Valid,
    /// Something was changed or damaged.
    Invalid,
    /// Made with SHA-1 (`ssh-rsa`), which OpenSSH refuses since 8.2.
    Sha1,
    /// Made by a kind of key that is not checked here.
    Unchecked,
}

/// Checks `signature` over `signed`; `None` where it is malformed.
pub(super) fn check(
    authority: &PublicKey,
    signed: &[u8],
    signature: &[u8],
) -> Option<SignatureStatus> {
    let mut fields = Fields(signature);
    let algorithm = fields.word()?;
    let signature = fields.string()?;
    let mut key = authority.fields();
    let is_valid = match (authority.kind(), algorithm) {
        ("ssh-ed25519", "ssh-ed25519") => verify(&ED25519, key.string()?, signed, signature),
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
            verify(&ECDSA_P256_SHA256_FIXED, point(key)?, signed, &pair(signature, 32)?)
        }
        ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => {
            verify(&ECDSA_P384_SHA384_FIXED, point(key)?, signed, &pair(signature, 48)?)
        }
        ("ssh-rsa", "ssh-rsa") => return Some(SignatureStatus::Sha1),
        ("ssh-rsa", "rsa-sha2-256" | "rsa-sha2-512") => {
            let (e, n) = (key.mpint()?, key.mpint()?);
            // The sizes that the library checks.
            if !(256..=1024).contains(&n.len()) {
                return Some(SignatureStatus::Unchecked);
            }
            let parameters = match algorithm {
                "rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
                _ => &RSA_PKCS1_2048_8192_SHA512,
            };
            let signature = padded(signature, n.len())?;
            RsaPublicKeyComponents { n, e }.verify(parameters, signed, &signature).is_ok()
        }
        ("ssh-ed25519" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ssh-rsa", _) => false,
        _ => return Some(SignatureStatus::Unchecked),
    };
    Some(if is_valid { SignatureStatus::Valid } else { SignatureStatus::Invalid })
}

fn verify(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, key).verify(signed, signature).is_ok()
}

/// The point of an ECDSA key, behind the name of its curve (RFC 5656, section 3.1).
fn point(mut key: Fields<'_>) -> Option<&[u8]> {
    key.word()?;
    key.string()
}

/// An ECDSA signature's two numbers, each `size` bytes long (RFC 5656, section 3.1.2).
fn pair(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut fields = Fields(signature);
    let mut pair = padded(fields.mpint()?, size)?;
    pair.extend(padded(fields.mpint()?, size)?);
    Some(pair)
}

/// A number with zeros in front, `size` bytes long.
fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size.checked_sub(number.len())?];
    bytes.extend(number);
    Some(bytes)
}
