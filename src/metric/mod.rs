//! Metrics: documented SQL files, run with bound parameters and held to what their header promises.
//!
//! A metric knows the views and nothing of how they come about. It draws nothing and prints nothing.

mod at;
mod catalog;
mod contract;
mod explain;
mod header;
mod interval;
mod lint;
mod param;
mod table_function;

pub use at::{Place, run_at};
pub use catalog::Catalog;
pub use explain::{Explain, Figure, Question, Section, Tie, Value, explain};
pub use header::{Chart, Column, ColumnType, Header, Interval, Param, ParamType, Rows};
pub use lint::lint;
pub use param::Params;
pub use table_function::table_function;

use crate::asset::{Asset, Origin};
use crate::base::{Context, Result};
use crate::engine::Engine;
use crate::frame::{ColumnSpec, Frame, Role};
use arrow::array::RecordBatch;

/// One file of `queries/metrics/`.
#[derive(Debug, Clone)]
pub struct Metric {
    /// `spend/by_scope`.
    pub name: String,
    pub header: Header,
    /// The query as written, with `{{by}}` where the group columns go, and `{{rows}}` where it reads either
    /// single facts or what they add up to.
    pub sql: String,
    pub origin: Origin,
}

impl Metric {
    pub fn parse(asset: &Asset) -> Result<Metric> {
        let (header, sql) = crate::asset::header::parse::<Header>(asset)?;
        let metric = Metric {
            name: asset.name().to_owned(),
            header,
            sql: sql.to_owned(),
            origin: asset.origin.clone(),
        };
        metric
            .header
            .validate(&metric.sql)
            .context(format!("{} ({})", asset.path, asset.origin))?;
        Ok(metric)
    }

    /// The query over single facts, with its group columns in place. The names come from the header's
    /// list, never from the user's text.
    pub(crate) fn sql_by(&self, by: &[String]) -> String {
        self.sql_over(by, self.header.rows.as_ref().map(|rows| rows.each.as_str()))
    }

    /// The same over the rows of a view.
    fn sql_over(&self, by: &[String], rows: Option<&str>) -> String {
        let sql = match by.is_empty() {
            true => self.sql.replace("{{by}},", ""),
            false => self.sql.replace("{{by}}", &by.join(", ")),
        };
        match rows {
            Some(view) => sql.replace(header::ROWS, view),
            None => sql,
        }
    }

    /// The query that answers fastest: over sums, where these know the window.
    fn sql_for(&self, engine: &Engine, params: &Params, by: &[String]) -> String {
        match &self.header.rows {
            Some(rows)
                if !by.iter().any(|name| rows.each_only.contains(name))
                    && (!rows.whole_days || engine.whole_days(params.from, params.to)) =>
            {
                self.sql_over(by, Some(&rows.sums))
            }
            _ => self.sql_by(by),
        }
    }

    /// The columns of a result: the group columns, of which days and moments are time, then what the
    /// header lists.
    fn columns(&self, by: &[String], batch: &RecordBatch) -> Vec<ColumnSpec> {
        by.iter()
            .zip(batch.columns())
            .map(|(name, column)| ColumnSpec {
                name: name.clone(),
                role: if column.data_type().is_temporal() {
                    Role::Time
                } else {
                    Role::Dimension
                },
                unit: String::new(),
            })
            .chain(self.header.columns.iter().map(Column::spec))
            .collect()
    }
}

/// Runs a metric and checks the result against its header.
pub async fn run(engine: &Engine, metric: &Metric, params: &Params) -> Result<Frame> {
    let by = param::group_columns(metric, params)?;
    let sql = metric.sql_for(engine, params, &by);
    answer(engine, metric, params, &by, &sql).await
}

/// The same from single facts, where there are sums of them too: what these are held to.
pub async fn run_over_rows(engine: &Engine, metric: &Metric, params: &Params) -> Result<Frame> {
    let by = param::group_columns(metric, params)?;
    answer(engine, metric, params, &by, &metric.sql_by(&by)).await
}

async fn answer(
    engine: &Engine,
    metric: &Metric,
    params: &Params,
    by: &[String],
    sql: &str,
) -> Result<Frame> {
    let values = param::bind(metric, params)?;
    let values: Vec<_> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let what = || format!("metric {} ({})", metric.name, metric.origin);
    let batch = engine.query(sql, &values).await.with_context(what)?;
    let batch = match &metric.header.interval {
        Some(interval) => interval::replace_samples(interval, &batch).with_context(what)?,
        None => batch,
    };
    let batch = contract::enforce(metric, by, &batch).with_context(what)?;
    Frame::new(metric.columns(by, &batch), batch)
}
