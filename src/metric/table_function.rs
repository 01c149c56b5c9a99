//! `metric('unit/cost_per_query', by => 'team', period => '2026-10')`: a metric as a table of SQL.
//!
//! Its columns follow from the header, so that a query is planned without running anything; the metric
//! runs when the table is scanned, in the session of the query that asks.

use super::{Catalog, Metric, Params, contract, param, run};
use crate::asset::Assets;
use crate::base::scan::{Scan, scan_by};
use crate::base::time::{Window, parse_bound};
use crate::base::{Error, Result};
use crate::engine::{CURRENCY_OF, Engine, FunctionInfo, FunctionKind};
use crate::frame::Role;
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{MemTable, Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, TableType};
use futures::FutureExt;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Makes metrics callable in the SQL of an engine. `window` is what they run over unless asked otherwise.
pub fn table_function(engine: &Engine, assets: &Assets, window: Window, zone: chrono_tz::Tz) {
    let info = FunctionInfo {
        name: "metric".to_owned(),
        kind: FunctionKind::Table,
        signature: "metric(name, key => value, …)".to_owned(),
        about:
            "The rows of a metric. Keys are from, to (dates or instants, half-open), period (2026-10), by \
                (columns to group by, with commas) and the metric's own parameters; 'key=value' is the same."
                .to_owned(),
        example: Some("SELECT * FROM metric('spend/by_scope', by => 'scope')".to_owned()),
        ours: true,
    };
    let function = MetricFunction {
        assets: assets.clone(),
        window,
        zone,
    };
    engine.add_table_function(info, Arc::new(function));
}

struct MetricFunction {
    assets: Assets,
    window: Window,
    zone: chrono_tz::Tz,
}

impl fmt::Debug for MetricFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricFunction")
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl MetricFunction {
    /// One file is read; all of them only to say which name is near to a wrong one.
    fn metric(&self, name: &str) -> Result<Metric> {
        match self.assets.get(&format!("metrics/{name}.sql")) {
            Some(asset) => Metric::parse(asset),
            None => Catalog::new(&self.assets)?.get(name).cloned(),
        }
    }

    fn params(&self, pairs: &[(&str, &str)]) -> Result<Params> {
        let mut params = Params::window(self.window.from, self.window.to);
        for (key, value) in pairs {
            match *key {
                "from" => params.from = parse_bound(value, self.zone)?,
                "to" => params.to = parse_bound(value, self.zone)?,
                "period" => {
                    let month = Window::month(value, self.zone)?;
                    (params.from, params.to) = (month.from, month.to);
                }
                "by" => {
                    let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                    params.by = Some(names.map(str::to_owned).collect());
                }
                _ => {
                    params.set.insert((*key).to_owned(), (*value).to_owned());
                }
            }
        }
        Ok(params)
    }

    fn table(&self, args: &[Expr]) -> Result<MetricTable> {
        let texts = args.iter().map(text).collect::<Result<Vec<_>>>()?;
        let Some((name, rest)) = texts.split_first() else {
            return Err(Error::usage("metric() lacks the name of a metric")
                .advise("metric('spend/by_scope'); `spendscope metric list` shows them all"));
        };
        let pairs = rest
            .iter()
            .map(|pair| {
                let (key, value) = pair.split_once('=').ok_or_else(|| {
                    Error::usage(format!("metric('{name}'): '{pair}' names no parameter"))
                        .advise("write key => 'value', or 'key=value'")
                })?;
                Ok((key.trim(), value.trim()))
            })
            .collect::<Result<Vec<_>>>()?;
        let metric = self.metric(name)?;
        let params = self.params(&pairs)?;
        // What is wrong with the parameters is told while planning.
        param::bind(&metric, &params)?;
        let schema = schema(&metric, &params)?;
        Ok(MetricTable {
            metric,
            params,
            zone: self.zone,
            schema,
        })
    }
}

fn text(arg: &Expr) -> Result<&str> {
    let literal = match arg {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    };
    literal.ok_or_else(|| {
        Error::usage(format!("metric(): {arg} is no text"))
            .advise("write metric('spend/by_scope', by => 'scope'): its arguments are plain texts")
    })
}

/// The columns of a run, by the header. Money says in which column its currency stands.
fn schema(metric: &Metric, params: &Params) -> Result<SchemaRef> {
    let by = param::group_columns(metric, params)?;
    let columns = &metric.header.columns;
    let currency = columns.iter().find(|column| column.role == Role::Currency);
    let of_header = columns.iter().map(|column| {
        let field = Field::new(&column.name, contract::layout(column.ty), true);
        match (column.role, currency) {
            (Role::Money, Some(currency)) => {
                let said = (CURRENCY_OF.to_owned(), currency.name.clone());
                field.with_metadata(HashMap::from([said]))
            }
            _ => field,
        }
    });
    let fields: Vec<Field> = by
        .iter()
        .map(|name| Field::new(name, contract::group_layout(name), true))
        .chain(of_header)
        .collect();
    Ok(Arc::new(Schema::new(fields)))
}

impl TableFunctionImpl for MetricFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> PlanResult<Arc<dyn TableProvider>> {
        let table = self.table(args.exprs()).map_err(outside)?;
        Ok(Arc::new(table))
    }
}

fn outside(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// One call.
#[derive(Debug)]
struct MetricTable {
    metric: Metric,
    params: Params,
    zone: chrono_tz::Tz,
    schema: SchemaRef,
}

impl MetricTable {
    async fn rows(&self, session: &dyn Session) -> Result<RecordBatch> {
        let state = session.as_any().downcast_ref::<SessionState>();
        let state = state.ok_or_else(|| Error::internal("metric() runs in a session of its own kind"))?;
        let frame = run(&Engine::within(state, self.zone), &self.metric, &self.params).await?;
        let options = RecordBatchOptions::new().with_row_count(Some(frame.batch.num_rows()));
        let columns = frame.batch.columns().to_vec();
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }
}

impl MetricTable {
    fn scanned<'a>(
        &'a self,
        session: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> Scan<'a> {
        async move {
            let rows = self.rows(session).await.map_err(outside)?;
            let table = MemTable::try_new(self.schema(), vec![vec![rows]])?;
            table.scan(session, projection, filters, limit).await
        }
        .boxed()
    }
}

impl TableProvider for MetricTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    scan_by!(scanned);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::{Registry, Settings};

    async fn engine() -> Engine {
        let assets = Assets::builtin();
        let settings = Settings::new(crate::base::time::from_micros(0));
        let engine = Engine::over_tables(HashMap::new(), &assets, &Registry::default(), &settings)
            .await
            .unwrap();
        let window = Window::month("2026-10", chrono_tz::UTC).unwrap();
        table_function(&engine, &assets, window, chrono_tz::UTC);
        engine
    }

    /// The planned columns are those of the rows, for every metric, by day too where it can be.
    #[tokio::test]
    async fn every_metric_gives_what_its_header_plans() {
        let engine = engine().await;
        for metric in Catalog::new(&Assets::builtin()).unwrap().iter() {
            let name = &metric.name;
            let mut calls = vec![format!("metric('{name}')")];
            if metric.header.dimensions.iter().any(|d| d == "day") {
                calls.push(format!("metric('{name}', by => 'day')"));
            }
            for call in calls {
                let sql = format!("SELECT * FROM {call}");
                if let Err(error) = engine.user_query(&sql).await {
                    panic!("{call}: {error}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_call_is_told_while_planning() {
        let engine = engine().await;
        for (call, said) in [
            ("metric()", "lacks the name"),
            ("metric('spend/by_scop')", "by_scope"),
            ("metric('spend/by_scope', 'scope')", "names no parameter"),
            ("metric('spend/by_scope', by => 'colour')", "colour"),
            ("metric('spend/by_scope', colour => 'red')", "colour"),
            ("metric('spend/by_scope', period => 'October')", "not a month"),
            (
                "metric('spend/by_scope', 'from=2026-10-02', 'to=2026-10-01')",
                "is empty",
            ),
            ("metric(lower('X'))", "x"),
            ("metric(random())", "no text"),
        ] {
            let error = engine
                .user_query(&format!("SELECT * FROM {call}"))
                .await
                .unwrap_err();
            let advice = error.advice().unwrap_or_default().to_owned();
            let message = format!("{error} {advice}");
            assert!(message.contains(said), "{call}: {message}");
        }
    }
}
