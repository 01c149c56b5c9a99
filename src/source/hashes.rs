//! What names were hashed to. A log names the same keys and people in row after row, and a hash takes longer than
//! all else that is done for a name.

use crate::base::hash;
use crate::base::user_key::UserKey;
use std::cell::RefCell;
use std::collections::HashMap;

/// Names that are remembered at once.
const MOST: usize = 1 << 16;

type Known = RefCell<HashMap<Box<str>, Box<str>, ahash::RandomState>>;

/// Names and their hashes, for one thread and one key of users.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    plain: Known,
    users: Known,
}

impl Hashes {
    /// Hands the pseudonym of a name on: without a key, its SHA-256.
    pub(super) fn of<T>(&self, name: &str, key: Option<&UserKey>, take: impl FnOnce(&str) -> T) -> T {
        let name = name.trim();
        let Some(key) = key else {
            // What is a hash already stays as it is.
            if name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return take(name);
            }
            return remembered(&self.plain, name, hash::pseudonym, take);
        };
        remembered(&self.users, name, |name| key.hash(name), take)
    }
}

fn remembered<T>(
    known: &Known,
    name: &str,
    hash: impl Fn(&str) -> String,
    take: impl FnOnce(&str) -> T,
) -> T {
    let mut known = known.borrow_mut();
    if let Some(hash) = known.get(name) {
        return take(hash);
    }
    if known.len() >= MOST {
        known.clear();
    }
    let hash = hash(name);
    let taken = take(&hash);
    known.insert(name.into(), hash.into());
    taken
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::secret::SecretString;

    #[test]
    fn remembered_hashes_are_the_same() {
        let hashes = Hashes::default();
        let key = UserKey::new(SecretString::new("k".into())).unwrap();
        let upper = "AB".repeat(32);
        for _ in 0..2 {
            for name in ["alice", " alice ", "", &upper, &upper.to_lowercase()] {
                let plain = hashes.of(name, None, str::to_owned);
                assert_eq!(plain, hash::pseudonym(name.trim()));
                assert_eq!(hashes.of(name, Some(&key), str::to_owned), key.hash(name));
            }
        }
        for n in 0..MOST + 10 {
            hashes.of(&n.to_string(), None, |_| ());
        }
        assert!(hashes.plain.borrow().len() <= MOST);
    }
}
