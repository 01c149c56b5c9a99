//! Anthropic's cost report: days, by workspace and description.

use super::bill::{self, Api};
use super::run::{Run, parse_url};
use super::{Connector, Kind, check_url, named, section};
use crate::base::Result;
use crate::base::secret::{Secret, SecretString};
use crate::base::time::{from_micros, parse_instant};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

pub(super) const KIND: Kind = Kind {
    id: "anthropic_costs",
    parse: |value| {
        let settings: AnthropicCosts = section(value)?;
        named("api_key", &settings.api_key)?;
        check_url(&settings.url, parse_url)?;
        bill::check_reread(settings.reread_days)?;
        Ok(Arc::new(settings))
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnthropicCosts {
    name: String,
    /// An admin key: other keys may not see costs.
    api_key: Secret,
    #[serde(default = "default_url")]
    url: Secret,
    /// How many days are read again each time, widened to whole months.
    #[serde(default = "bill::default_reread_days")]
    reread_days: u32,
}

fn default_url() -> Secret {
    Secret::Literal(SecretString::new("https://api.anthropic.com".to_owned()))
}

#[async_trait::async_trait(?Send)]
impl Connector for AnthropicCosts {
    fn name(&self) -> &str {
        &self.name
    }

    async fn pull(&self, run: &mut Run<'_>) -> Result<()> {
        let key = run.secret(&self.api_key)?;
        let (base, _) = run.url(&self.url)?;
        let version = SecretString::new("2023-06-01".to_owned());
        let mut client = run.client(&[("x-api-key", key), ("anthropic-version", version)])?;
        bill::pull(run, &mut client, &base, &CostReport, self.reread_days).await
    }
}

struct CostReport;

#[derive(Deserialize)]
struct Bucket {
    starting_at: String,
}

impl Api for CostReport {
    fn format(&self) -> &'static str {
        "anthropic_costs"
    }

    fn path(&self) -> &'static str {
        "/v1/organizations/cost_report"
    }

    fn query(&self, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Vec<(&'static str, String)> {
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut query = vec![("starting_at", text(from))];
        query.extend(to.map(|to| ("ending_at", text(to))));
        query.extend(
            [
                ("bucket_width", "1d"),
                ("limit", "31"),
                ("group_by[]", "workspace_id"),
                ("group_by[]", "description"),
            ]
            .map(|(key, value)| (key, value.to_owned())),
        );
        query
    }

    fn start(&self, bucket: &RawValue) -> Option<DateTime<Utc>> {
        let bucket: Bucket = serde_json::from_str(bucket.get()).ok()?;
        parse_instant(&bucket.starting_at).map(from_micros)
    }

    fn advice(&self, status: u16) -> Option<String> {
        let advice = match status {
            401 | 403 => {
                "api_key has to be an admin key of the organization (sk-ant-admin…), which an admin makes in \
                 the console; individual accounts have none"
            }
            404 => "there is no cost report at this address; leave url out unless a proxy stands between",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}
