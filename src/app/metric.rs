//! `metric list`, `show`, `run`.

use super::{Console, Status, open, show};
use crate::base::{Error, Result};
use crate::config::Config;
use crate::engine::Engine;
use crate::frame::Frame;
use crate::metric::{self, Catalog, Metric, Params};
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

pub fn metric_list(config: &Config, search: Option<&str>, console: &mut dyn Console) -> Result<Status> {
    let catalog = open::metrics(config)?;
    show(console, &listed(&catalog, search.unwrap_or_default())?)?;
    Ok(Status::Done)
}

/// The metrics in which all the words stand, one a row.
pub(crate) fn listed(catalog: &Catalog, words: &str) -> Result<Frame> {
    let found: Vec<&Metric> = catalog.search(words).collect();
    let column = |value: fn(&Metric) -> String| -> Arc<StringArray> {
        Arc::new(found.iter().map(|metric| Some(value(metric))).collect())
    };
    let fields = ["name", "title", "grain", "origin"].map(|name| Field::new(name, DataType::Utf8, false));
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields.to_vec())),
        vec![
            column(|m| m.name.clone()),
            column(|m| m.header.title.clone()),
            column(|m| m.header.grain.clone()),
            column(|m| m.origin.to_string()),
        ],
    )?;
    Ok(Frame::guess(batch))
}

pub fn metric_show(config: &Config, name: &str, console: &mut dyn Console) -> Result<Status> {
    let catalog = open::metrics(config)?;
    console.data(in_words(catalog.get(name)?).as_bytes())?;
    Ok(Status::Done)
}

/// What a metric means, for a person: the header first, the query after it.
pub(crate) fn in_words(metric: &Metric) -> String {
    let header = &metric.header;
    let mut text = format!(
        "{}: {}\n\n{}\n\n",
        metric.name,
        header.title,
        header.description.trim()
    );
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{label:<12}{}", value.trim());
        }
    };
    line("formula", &header.formula);
    line("one row is", &header.grain);
    line("grouped by", &header.by.join(", "));
    line("--by", &header.dimensions.join(", "));
    line("owner", &header.owner);
    line("from", &metric.origin.to_string());
    for (name, param) in &header.params {
        line(
            "--set",
            &format!("{name}={} ({})", param.default, param.description),
        );
    }
    text.push_str("\ncolumns\n");
    for column in &header.columns {
        let unit = if column.unit.is_empty() {
            String::new()
        } else {
            format!(" [{}]", column.unit)
        };
        let _ = writeln!(text, "  {}{unit}: {}", column.name, column.description);
    }
    let _ = writeln!(text, "\n{}", metric.sql.trim());
    text
}

pub async fn metric_run(
    config: &Config,
    name: &str,
    by: Option<Vec<String>>,
    set: &[String],
    console: &mut dyn Console,
) -> Result<Status> {
    let catalog = open::metrics(config)?;
    let metric = catalog.get(name)?;
    let window = config.window_or_month()?;
    let set = set
        .iter()
        .map(|pair| {
            pair.split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .ok_or_else(|| Error::usage(format!("--set {pair}: write it as key=value")))
        })
        .collect::<Result<BTreeMap<_, _>>>()?;
    let engine = open::engine(config).await?;
    let frame = metric::run(
        &engine,
        metric,
        &Params {
            from: window.from,
            to: window.to,
            by,
            set,
        },
    )
    .await?;
    show(console, &frame)?;
    if frame.rows() == 0 {
        console.say(&nothing(&engine).await?);
    }
    console.say(&format!(
        "{}: [{}, {}), basis {}, currency {}, zone {}",
        metric.header.title,
        window.from.format("%Y-%m-%d %H:%M"),
        window.to.format("%Y-%m-%d %H:%M"),
        config.settings.basis,
        config.settings.currency,
        config.settings.zone,
    ));
    if let Some(repriced) = config.settings.repriced() {
        console.say(&repriced);
    }
    Ok(Status::Done)
}

/// Why a metric may have no rows: what the lake holds at all.
async fn nothing(engine: &Engine) -> Result<String> {
    let span = Frame::guess(
        engine
            .query(
                "SELECT CAST(min(charge_period_start) AS DATE) AS first, CAST(max(charge_period_end) AS DATE) AS last \
                 FROM charges",
                &[],
            )
            .await?,
    );
    Ok(match (span.text("first", 0)?, span.text("last", 0)?) {
        (Some(first), Some(last)) => {
            format!(
                "no rows in this window; the bills in the lake reach from {first} to {last} (--period, --from, --to)"
            )
        }
        _ => "no rows: the lake holds no bill yet".to_owned(),
    })
}
