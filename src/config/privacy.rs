//! `[privacy]`: under which key the names of users are hashed.

use crate::base::secret::Secret;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    #[serde(default, deserialize_with = "outside")]
    pub(super) user_key: Option<Secret>,
}

/// A key that stands in the configuration itself is none.
fn outside<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    // What stands there in place of a place may be the key itself, and is not repeated.
    match Secret::deserialize(deserializer) {
        Ok(secret @ (Secret::Env(_) | Secret::File(_))) => Ok(Some(secret)),
        Ok(Secret::Literal(_)) | Err(_) => Err(D::Error::custom(
            "user_key is { env = \"NAME\" } or { file = \"path\" }",
        )),
    }
}
