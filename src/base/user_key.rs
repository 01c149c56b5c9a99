//! Names of people under a key: who does not have the key can neither read a name nor try names out.

use super::secret::SecretString;
use super::{Error, Result};
use sha2::{Digest, Sha256};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// Hexadecimal digits of a hashed name: 128 bits, the same for every name.
const DIGITS: usize = 32;

/// Hashes names of users with HMAC-SHA-256. The same key gives the same name the same hash, in every file and
/// table; another key gives others, and what was stored under the first no longer joins.
#[derive(Debug, Clone)]
pub struct UserKey(SecretString);

impl UserKey {
    /// An empty key would hide nothing.
    pub fn new(key: SecretString) -> Result<UserKey> {
        if key.expose().trim().is_empty() {
            return Err(Error::config("the key for user names is empty").advise(
                "set it to a long random text, such as the output of `openssl rand -hex 32`, and keep it",
            ));
        }
        Ok(UserKey(key))
    }

    /// What stands for a name.
    pub fn hash(&self, name: &str) -> String {
        let mut digest = hex::encode(hmac(self.0.expose().trim().as_bytes(), name.trim().as_bytes()));
        digest.truncate(DIGITS);
        digest
    }
}

/// HMAC-SHA-256, RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize();
    outer.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 4231, cases 1, 2, 3, 4, 6 and 7.
    #[test]
    fn the_test_vectors_of_rfc_4231() {
        let long = [0xaa_u8; 131];
        let counted: Vec<u8> = (1..=25).collect();
        for (key, message, digest) in [
            (
                &[0x0b_u8; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                &counted,
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &long,
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(hex::encode(hmac(key, message)), digest);
        }
    }

    #[test]
    fn a_key_tells_names_apart_and_is_not_shown() {
        let key = |text: &str| UserKey::new(SecretString::new(text.to_owned()));
        let (one, two) = (key("k1").unwrap(), key("k2").unwrap());
        assert_eq!(one.hash(" alice "), one.hash("alice"));
        assert_ne!(one.hash("alice"), one.hash("bob"));
        assert_ne!(one.hash("alice"), two.hash("alice"));
        assert_eq!(one.hash("alice").len(), 32);
        // A name that comes as a hash of its own is hashed all the same: who has no key could undo it.
        assert_ne!(
            one.hash(&super::super::hash::pseudonym("alice")),
            super::super::hash::pseudonym("alice")
        );
        assert!(key(" \n").is_err());
        assert!(!format!("{one:?}").contains("k1"));
    }
}
