//! Connectors: what other systems hold is fetched and handed, as bytes with a name, to the formats that
//! also read files. Rejects, control totals, restated months and "each fact once" are therefore the same.
//!
//! A run that was killed is simply run again: where to go on is read from the lake, and the newest part is
//! always read twice, because providers restate. Must not know: the configuration file, the environment,
//! how rows are decoded.

mod anthropic_costs;
mod bill;
mod http;
mod litellm_postgres;
mod openai_costs;
mod patience;
mod prometheus;
mod run;

pub use patience::Patience;
pub use run::{Pulled, Request, pull};

use crate::base::secret::Secret;
use crate::base::{Error, Result};
use run::Run;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// Every kind of connector, by the name of its section: `[[pull.ID]]`.
const CONNECTORS: [Kind; 4] = [
    prometheus::KIND,
    litellm_postgres::KIND,
    openai_costs::KIND,
    anthropic_costs::KIND,
];

struct Kind {
    id: &'static str,
    /// Understands one section. Unknown keys are errors.
    parse: fn(toml::Value) -> Result<Arc<dyn Connector>>,
}

/// One configured connector.
#[async_trait::async_trait(?Send)]
trait Connector: fmt::Debug + Send + Sync {
    /// The name it is called by, and under which its facts are kept.
    fn name(&self) -> &str;

    /// Is there anything to fetch; a section may only describe files.
    fn pulls(&self) -> bool {
        true
    }

    /// Fetches what is new and what may have changed, and delivers it.
    async fn pull(&self, run: &mut Run<'_>) -> Result<()>;
}

/// The connectors of a configuration, in order of kind.
#[derive(Debug, Clone, Default)]
pub struct Connectors(Vec<(&'static str, Arc<dyn Connector>)>);

impl Connectors {
    /// Understands the section `pull` of a configuration.
    pub fn parse(section: &toml::Value) -> Result<Connectors> {
        let kinds = || CONNECTORS.map(|kind| kind.id).join(", ");
        let section = section.as_table().ok_or_else(|| {
            Error::config("[pull] holds connectors").advise(format!("connectors: {}", kinds()))
        })?;
        let mut all = Vec::new();
        for (id, entries) in section {
            let kind = CONNECTORS.iter().find(|kind| kind.id == id).ok_or_else(|| {
                Error::config(format!("there is no connector '{id}'"))
                    .advise(format!("connectors: {}", kinds()))
            })?;
            let entries = entries
                .as_array()
                .ok_or_else(|| Error::config(format!("write [[pull.{id}]], in double brackets")))?;
            for entry in entries {
                let connector =
                    (kind.parse)(entry.clone()).map_err(|e| e.context(format!("[[pull.{id}]]")))?;
                let name = connector.name();
                if name.is_empty() || name.contains(['/', '\\']) || name.chars().any(char::is_control) {
                    return Err(Error::config(format!("[[pull.{id}]]: '{name}' is no name"))
                        .advise("its facts are kept under this name; write something like \"gpu-prod\""));
                }
                if all
                    .iter()
                    .any(|(_, other): &(&str, Arc<dyn Connector>)| other.name() == name)
                {
                    return Err(Error::config(format!("two connectors have the name '{name}'"))
                        .advise("their facts are kept under this name; give each its own"));
                }
                all.push((kind.id, connector));
            }
        }
        Ok(Connectors(all))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, connector)| connector.name())
    }

    /// Those of these names, each once; without names all that fetch something.
    pub fn select(&self, names: &[String]) -> Result<Connectors> {
        if !self.0.iter().any(|(_, connector)| connector.pulls()) {
            return Err(Error::usage("no connector is configured").advise(format!(
                "name one in spendscope.toml, such as [[pull.prometheus]]; kinds: {}",
                CONNECTORS.map(|kind| kind.id).join(", ")
            )));
        }
        if let Some(unknown) = names.iter().find(|name| !self.names().any(|n| n == **name)) {
            return Err(
                Error::usage(format!("there is no connector '{unknown}'")).advise(format!(
                    "configured: {}",
                    self.names().collect::<Vec<_>>().join(", ")
                )),
            );
        }
        let wanted = |connector: &dyn Connector| match names.is_empty() {
            true => connector.pulls(),
            false => names.iter().any(|name| name == connector.name()),
        };
        let chosen = self.0.iter().filter(|(_, connector)| wanted(connector.as_ref()));
        Ok(Connectors(chosen.cloned().collect()))
    }
}

/// One section as its own type.
fn section<T: DeserializeOwned>(value: toml::Value) -> Result<T> {
    value
        .try_into()
        .map_err(|e: toml::de::Error| Error::config(e.message().to_owned()))
}

/// A configuration is copied, mailed and put under version control: what opens a door does not stand in it.
fn named(key: &str, secret: &Secret) -> Result<()> {
    match secret {
        Secret::Literal(_) => Err(
            Error::config(format!("{key} stands in the configuration itself")).advise(format!(
                "write {key} = {{ env = \"NAME\" }} or {key} = {{ file = \"path\" }}"
            )),
        ),
        Secret::Env(_) | Secret::File(_) => Ok(()),
    }
}

/// An address that was written out can be checked before anything is asked, and holds no password.
fn check_url(secret: &Secret, parse: fn(&str) -> Result<url::Url>) -> Result<()> {
    match secret {
        Secret::Literal(text) => match parse(text.expose())?.password() {
            Some(_) => named("url", secret).map_err(|e| e.context("a url with a password")),
            None => Ok(()),
        },
        Secret::Env(_) | Secret::File(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<Connectors> {
        Connectors::parse(&toml::Value::Table(text.parse().unwrap()))
    }

    #[test]
    fn sections_are_strict_and_names_are_their_own() {
        let two =
            parse("[[prometheus]]\nname='a'\nurl='http://h'\n[[openai_costs]]\nname='b'\napi_key={env='K'}")
                .unwrap();
        assert_eq!(two.names().count(), 2);
        assert_eq!(
            two.select(&["b".to_owned()]).unwrap().names().collect::<Vec<_>>(),
            ["b"]
        );
        assert!(
            two.select(&["c".to_owned()])
                .unwrap_err()
                .advice()
                .unwrap()
                .contains('b')
        );
        assert!(Connectors::default().select(&[]).is_err());
        assert!(
            parse("[[prometheus]]\nname='files'")
                .unwrap()
                .select(&[])
                .is_err()
        );
        for (wrong, says) in [
            ("[[pigeon]]\nname='a'", "pigeon"),
            ("[prometheus]\nname='a'", "double brackets"),
            ("[[prometheus]]\nurl='http://h'", "name"),
            ("[[prometheus]]\nname='a'\nurl='http://h'\nspeed=1", "speed"),
            (
                "[[prometheus]]\nname='a'\nurl='http://h'\nstep_seconds=0",
                "step_seconds",
            ),
            ("[[prometheus]]\nname='a'\nurl='ftp://h'", "ftp"),
            (
                "[[prometheus]]\nname='a'\nurl='http://h'\nusername='u'",
                "password",
            ),
            ("[[prometheus]]\nname='a/b'\nurl='http://h'", "a/b"),
            ("[[litellm_postgres]]\nname='a'\nurl='http://h/db'", "http"),
            (
                "[[litellm_postgres]]\nname='a'\nurl='postgres://h/db?speed=1'",
                "speed",
            ),
            (
                "[[litellm_postgres]]\nname='a'\nurl='postgres://h/db?sslmode=maybe'",
                "sslmode",
            ),
            ("[[openai_costs]]\nname='a'", "api_key"),
            ("[[openai_costs]]\nname='a'\napi_key='hush'", "api_key"),
            ("[[anthropic_costs]]\nname='a'\napi_key='hush'", "api_key"),
            (
                "[[prometheus]]\nname='a'\nurl='http://h'\nbearer_token='hush'",
                "bearer_token",
            ),
            (
                "[[prometheus]]\nname='a'\nurl='http://h'\nusername='u'\npassword='hush'",
                "password",
            ),
            (
                "[[prometheus]]\nname='a'\nurl='http://u:hush@h'",
                "url with a password",
            ),
            (
                "[[litellm_postgres]]\nname='a'\nurl='postgres://u:hush@h/db'",
                "url with a password",
            ),
            (
                "[[litellm_postgres]]\nname='a'\nurl='postgres://u@h/db'\npassword='hush'",
                "password",
            ),
            (
                "[[openai_costs]]\nname='a'\napi_key={env='K'}\nreread_days=0",
                "reread_days",
            ),
            (
                "[[anthropic_costs]]\nname='a'\napi_key={env='K'}\n[[openai_costs]]\nname='a'\napi_key={env='K'}",
                "'a'",
            ),
        ] {
            let error = parse(wrong).unwrap_err();
            assert!(error.to_string().contains(says), "{wrong}: {error}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }
}
