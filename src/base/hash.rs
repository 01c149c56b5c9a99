//! Content identity: what makes an ingest of the same bytes a no-op, and what hides keys and users.

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Bytes of a file that are hashed by themselves: a power of two.
const SUBTREE: u64 = 8 << 20;

/// Bytes that are read at a time: enough for every lane of the processor, and not too many for its cache.
const PIECE: usize = 128 << 10;

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
    pub fn of_all(content: impl Read) -> Result<String> {
        let mut hash = FileHash::default();
        hash.read(content)?;
        Ok(hash.finish())
    }

    /// Of a file, on all processors.
    pub fn of_file(path: &Path) -> Result<String> {
        let bytes = std::fs::metadata(path)?.len();
        if bytes <= SUBTREE {
            return FileHash::of_all(File::open(path)?);
        }
        let parts = usize::try_from(bytes.div_ceil(SUBTREE)).unwrap_or(usize::MAX);
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, ChainingValue)>> {
            let mut file = File::open(path)?;
            let mut done = Vec::new();
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts {
                    return Ok(done);
                }
                let start = part as u64 * SUBTREE;
                file.seek(SeekFrom::Start(start))?;
                let mut hash = FileHash::default();
                hash.0.set_input_offset(start);
                hash.read((&file).take(SUBTREE.min(bytes - start)))?;
                // A file that has become shorter meanwhile is not what it was.
                if hash.0.count() != SUBTREE.min(bytes - start) {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                done.push((part, hash.0.finalize_non_root()));
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let mut all = thread::scope(|scope| {
            let others: Vec<_> = (1..threads.min(parts)).map(|_| scope.spawn(work)).collect();
            let mut all = work()?;
            for other in others {
                let came = other
                    .join()
                    .map_err(|_| std::io::Error::other("a thread that hashes is gone"))?;
                all.extend(came?);
            }
            Ok::<_, std::io::Error>(all)
        })?;
        all.sort_unstable_by_key(|(part, _)| *part);
        let values: Vec<ChainingValue> = all.into_iter().map(|(_, value)| value).collect();
        let (left, right) = halves(&values, bytes);
        Ok(merge_subtrees_root(&left, &right, Mode::Hash)
            .to_hex()
            .to_string())
    }

    fn read(&mut self, mut content: impl Read) -> Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            match content.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => self.update(&piece[..read]),
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

/// What the two halves of a tree come to, of which these are the subtrees in their order.
fn halves(values: &[ChainingValue], bytes: u64) -> (ChainingValue, ChainingValue) {
    let left = left_subtree_len(bytes);
    let (first, rest) = values.split_at((left / SUBTREE) as usize);
    (whole(first, left), whole(rest, bytes - left))
}

fn whole(values: &[ChainingValue], bytes: u64) -> ChainingValue {
    if let [one] = values {
        return *one;
    }
    let (left, right) = halves(values, bytes);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
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

    #[test]
    fn a_file_hashed_in_subtrees_has_the_hash_of_its_bytes() {
        let part = SUBTREE as usize;
        let bytes: Vec<u8> = (0..5 * part + 12_345).map(|n| (n % 253) as u8).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for length in [
            0,
            1,
            part,
            part + 1,
            2 * part,
            2 * part + 1,
            3 * part,
            5 * part + 12_345,
        ] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let found = FileHash::of_file(&path).unwrap();
            assert_eq!(found, FileHash::of(&bytes[..length]), "{length}");
        }
    }

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
