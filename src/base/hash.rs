//! Content identity: what makes an ingest of the same bytes a no-op, and what hides keys and users.

use sha2::{Digest, Sha256};
use std::io::Read;

/// SHA-256 of some bytes, as lower-case hexadecimal.
pub fn content_hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// BLAKE3 of the content of a file, as lower-case hexadecimal, piece by piece. Files are large, and most processors
/// take ten times as long for SHA-256.
#[derive(Debug, Default)]
pub struct FileHash(blake3::Hasher);

impl FileHash {
    /// Of bytes that are at hand.
    pub fn of(bytes: &[u8]) -> String {
        blake3::hash(bytes).to_hex().to_string()
    }

    /// Of everything that is read.
    pub fn of_all(mut content: impl Read) -> std::io::Result<String> {
        let mut hash = FileHash::default();
        // Large enough for every lane of the processor, small enough for its cache.
        let mut piece = vec![0; 128 << 10];
        loop {
            match content.read(&mut piece) {
                Ok(0) => return Ok(hash.finish()),
                Ok(read) => hash.update(&piece[..read]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// A short, stable pseudonym for a key or a user: the value itself is never stored.
/// A value that is already a SHA-256 in hexadecimal (LiteLLM stores keys so) is kept as it is.
pub fn pseudonym(value: &str) -> String {
    if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return value.to_ascii_lowercase();
    }
    content_hash(value.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Known answers of both, and the same in pieces.
    #[test]
    fn known_answers() {
        let of_nothing = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(FileHash::of(b""), of_nothing);
        assert_eq!(
            FileHash::of(b"abc"),
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
        assert_eq!(
            pseudonym("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let long: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        assert_eq!(FileHash::of_all(long.as_slice()).unwrap(), FileHash::of(&long));
        let mut pieces = FileHash::default();
        long.chunks(1_000).for_each(|piece| pieces.update(piece));
        assert_eq!(pieces.finish(), FileHash::of(&long));
    }
}
