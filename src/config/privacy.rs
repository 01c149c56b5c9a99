//! `[privacy]`: under which key the names of users are hashed.

use crate::base::secret::SecretString;
use crate::base::user_key::UserKey;
use crate::base::{Context, Error, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    user_key: Option<Place>,
}

/// Where a secret stands. It never stands in the configuration itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Place {
    Env(String),
    File(PathBuf),
}

impl Privacy {
    /// Looked up when it is needed. `folder`: where relative paths begin.
    pub fn user_key(&self, folder: &Path) -> Result<Option<UserKey>> {
        let Some(place) = &self.user_key else {
            return Ok(None);
        };
        let key = match place {
            Place::Env(name) => {
                #[allow(clippy::disallowed_methods)] // this module is the one that reads the environment
                let value = std::env::var(name);
                value.map_err(|_| {
                    Error::config(format!("the environment has no {name}"))
                        .advise("it holds the key for user names")
                })
            }
            Place::File(path) => {
                std::fs::read_to_string(folder.join(path)).with_context(|| path.display().to_string())
            }
        };
        key.and_then(|key| UserKey::new(SecretString::new(key)))
            .map(Some)
            .context("[privacy] user_key")
    }
}
