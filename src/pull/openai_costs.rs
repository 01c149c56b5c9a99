//! OpenAI's organization costs: days, by line item and project.

use super::bill::{self, Api};
use super::run::{Run, parse_url};
use super::{Connector, Kind, check_url, named, section};
use crate::base::Result;
use crate::base::secret::{Secret, SecretString};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

pub(super) const KIND: Kind = Kind {
    id: "openai_costs",
    parse: |value| {
        let settings: OpenAiCosts = section(value)?;
        named("api_key", &settings.api_key)?;
        check_url(&settings.url, parse_url)?;
        bill::check_reread(settings.reread_days)?;
        Ok(Arc::new(settings))
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenAiCosts {
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
    Secret::Literal(SecretString::new("https://api.openai.com".to_owned()))
}

#[async_trait::async_trait(?Send)]
impl Connector for OpenAiCosts {
    fn name(&self) -> &str {
        &self.name
    }

    async fn pull(&self, run: &mut Run<'_>) -> Result<()> {
        let key = run.secret(&self.api_key)?;
        let (base, _) = run.url(&self.url)?;
        let bearer = SecretString::new(format!("Bearer {}", key.expose()));
        let mut client = run.client(&[("authorization", bearer)])?;
        bill::pull(run, &mut client, &base, &Costs, self.reread_days).await
    }
}

struct Costs;

#[derive(Deserialize)]
struct Bucket {
    start_time: i64,
}

impl Api for Costs {
    fn format(&self) -> &'static str {
        "openai_costs"
    }

    fn path(&self) -> &'static str {
        "/v1/organization/costs"
    }

    fn query(&self, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Vec<(&'static str, String)> {
        let mut query = vec![("start_time", from.timestamp().to_string())];
        query.extend(to.map(|to| ("end_time", to.timestamp().to_string())));
        query.extend(
            [
                ("bucket_width", "1d"),
                ("limit", "180"),
                ("group_by", "line_item"),
                ("group_by", "project_id"),
            ]
            .map(|(key, value)| (key, value.to_owned())),
        );
        query
    }

    fn start(&self, bucket: &RawValue) -> Option<DateTime<Utc>> {
        let bucket: Bucket = serde_json::from_str(bucket.get()).ok()?;
        DateTime::from_timestamp(bucket.start_time, 0)
    }

    fn advice(&self, status: u16) -> Option<String> {
        let advice = match status {
            401 => {
                "api_key has to be an admin key of the organization (sk-admin-…), made under \
                 Settings > Organization > Admin keys; a project's key may not see costs"
            }
            403 => "the admin key needs the permission to read usage (api.usage.read)",
            404 => "there are no costs at this address; leave url out unless a proxy stands between",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}
