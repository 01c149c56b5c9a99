//! Values that must not be printed, and where the configuration says they stand.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::fmt;
use std::path::PathBuf;

/// No `Display`, and a `Debug` that says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretString(String);

impl SecretString {
    pub fn new(value: String) -> Self {
        SecretString(value)
    }
    /// Reading the value is visible in the code that does it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(…)")
    }
}

/// A setting that may be secret: written out (only what is none after all, such as an address), or `{ env = "NAME" }`, or `{ file = "path" }`. It is looked
/// up when it is needed, so that a command that needs no secret runs without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    Literal(SecretString),
    Env(String),
    File(PathBuf),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { env = \"NAME\" } or { file = \"path\" }")
    }

    fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Literal(SecretString::new(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let wrong = || A::Error::custom("a secret is a text, { env = \"NAME\" } or { file = \"path\" }");
        let (key, value) = map.next_entry::<String, String>()?.ok_or_else(wrong)?;
        let secret = match key.as_str() {
            "env" => Secret::Env(value),
            "file" => Secret::File(PathBuf::from(value)),
            _ => return Err(wrong()),
        };
        match map.next_key::<String>()? {
            None => Ok(secret),
            Some(_) => Err(wrong()),
        }
    }
}

/// A text without any of these values. A value of one or two characters would tear every word apart, and
/// is left.
pub fn without(text: &str, secrets: &[SecretString]) -> String {
    secrets
        .iter()
        .filter(|secret| secret.expose().chars().count() > 2)
        .fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "…"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Holder {
        key: Secret,
    }

    #[test]
    fn a_secret_is_written_out_or_named_and_never_shown() {
        let read = |text: &str| toml::from_str::<Holder>(text).map(|h| h.key);
        let literal = read("key = 'sk-1'").unwrap();
        assert_eq!(literal, Secret::Literal(SecretString::new("sk-1".into())));
        assert!(!format!("{literal:?}").contains("sk-1"));
        assert_eq!(read("key = { env = 'A' }").unwrap(), Secret::Env("A".into()));
        assert_eq!(
            read("key = { file = 'a/b' }").unwrap(),
            Secret::File("a/b".into())
        );
        for wrong in [
            "key = {}",
            "key = 5",
            "key = { env = 'A', file = 'b' }",
            "key = { vault = 'hush-hush' }",
        ] {
            let error = read(wrong).unwrap_err();
            assert!(!error.message().contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_text_loses_its_secrets() {
        let secrets = ["sk-123".to_owned(), "a".to_owned()].map(SecretString::new);
        assert_eq!(
            without("a key sk-123, twice sk-123", &secrets),
            "a key …, twice …"
        );
    }
}
