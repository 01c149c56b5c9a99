//! Content identity: what makes an ingest of the same bytes a no-op, and what hides keys and users.

use sha2::{Digest, Sha256};

/// SHA-256 of some bytes, as lower-case hexadecimal.
pub fn content_hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A short, stable pseudonym for a key or a user: the value itself is never stored.
/// A value that is already a SHA-256 in hexadecimal (LiteLLM stores keys so) is kept as it is.
pub fn pseudonym(value: &str) -> String {
    if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return value.to_ascii_lowercase();
    }
    content_hash(value.as_bytes())
}
