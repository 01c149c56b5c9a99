//! Chance that can be repeated: every random draw comes from here, by seed and by name.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, Hasher, RandomState};

pub type Rng = ChaCha8Rng;

/// A generator for one purpose. Two purposes with the same seed do not disturb one another, so
/// that adding a draw in one place leaves all the others as they were.
pub fn generator(seed: u64, purpose: &str) -> Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A number that nobody else has, for telling one's own from another's. Decides nothing that is stored.
pub fn nonce() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng as _;

    #[test]
    fn same_seed_and_purpose_repeat_and_purposes_differ() {
        let draw = |seed, purpose| generator(seed, purpose).random::<u64>();
        assert_eq!(draw(7, "traffic"), draw(7, "traffic"));
        assert_ne!(draw(7, "traffic"), draw(7, "prices"));
        assert_ne!(draw(7, "traffic"), draw(8, "traffic"));
    }
}
