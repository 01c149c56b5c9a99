//! An engine over what a test file loads.
//!
//! Directives, each a statement of its own:
//! - `load TABLE` and a table with bars (see `table.rs`): adds rows.
//! - `registry` and TOML: the registry, replacing the one before.
//! - `set basis|currency|zone|now VALUE`; `set book NAME|any`, `set book-at DATE|start`.
//! - `metric NAME from=… to=… by=… key=value`: a query; the window is September 2026 unless given.
//! - `user SQL`: a query as a user asks it, with the guards that stand around it; `metric(…)` is over
//!   September 2026 unless told otherwise.
//! - `bind VALUE | VALUE`: the texts that the placeholders of the next `user` query stand for.
//! - `check NAME`: a query; the offending rows, or `nothing to check`.

use super::table;
use crate::support::assets;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::common::ScalarValue;
use spendscope::base::time::Window;
use spendscope::base::{Error, Result, money, time};
use spendscope::check::{self, Verdict};
use spendscope::engine::{Engine, Registry, Settings};
use spendscope::metric::{self, Catalog, Params};
use spendscope::schema::TableSchema;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use std::collections::HashMap;

pub(super) struct Lab {
    tables: HashMap<&'static str, Vec<RecordBatch>>,
    registry: String,
    settings: Settings,
    engine: Option<Engine>,
    bound: Vec<ScalarValue>,
}

impl Default for Lab {
    fn default() -> Self {
        let now = time::parse_instant("2026-10-15T00:00:00Z")
            .map(time::from_micros)
            .unwrap();
        Lab {
            tables: HashMap::new(),
            registry: String::new(),
            settings: Settings::new(now),
            engine: None,
            bound: Vec::new(),
        }
    }
}

impl Lab {
    async fn engine(&mut self) -> Result<&Engine> {
        if self.engine.is_none() {
            let registry = Registry::parse(&self.registry)?;
            let tables = self.tables.clone();
            let engine = Engine::over_tables(tables, &assets(), &registry, &self.settings).await?;
            let window = Window::month("2026-09", self.settings.zone)?;
            metric::table_function(&engine, &assets(), window, self.settings.zone);
            self.engine = Some(engine);
        }
        self.engine
            .as_ref()
            .ok_or_else(|| Error::internal("an engine was just made"))
    }

    fn load(&mut self, name: &str, text: &str) -> Result<u64> {
        let schema =
            TableSchema::named(name).ok_or_else(|| Error::usage(format!("there is no table '{name}'")))?;
        let batches = self.tables.entry(schema.name).or_default();
        let before: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let batch = table::rows(schema, text, before + 1)?;
        let rows = batch.num_rows();
        batches.push(batch);
        self.engine = None;
        Ok(rows as u64)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let wrong = || Error::usage(format!("{key} cannot be '{value}'"));
        match key {
            "basis" => self.settings.basis = value.parse()?,
            "currency" => self.settings.currency = value.to_owned(),
            "zone" => self.settings.zone = value.parse().map_err(|_| wrong())?,
            "book" => self.settings.price_book = Some(value.to_owned()).filter(|name| name != "any"),
            "book-at" => {
                let at = time::parse_instant(value).map(time::from_micros);
                self.settings.price_moment = match value {
                    "start" => None,
                    _ => Some(at.ok_or_else(wrong)?),
                };
            }
            "now" => self.settings.now = time::from_micros(time::parse_instant(value).ok_or_else(wrong)?),
            _ => return Err(Error::usage(format!("there is no setting '{key}'"))),
        }
        self.engine = None;
        Ok(())
    }

    async fn metric(&mut self, words: &str) -> Result<RecordBatch> {
        let mut words = words.split_whitespace();
        let name = words.next().unwrap_or_default();
        let zone = self.settings.zone;
        let mut params = Params::window(
            time::parse_bound("2026-09-01", zone)?,
            time::parse_bound("2026-10-01", zone)?,
        );
        for word in words {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| Error::usage(format!("'{word}' has no =")))?;
            match key {
                "from" => params.from = time::parse_bound(value, zone)?,
                "to" => params.to = time::parse_bound(value, zone)?,
                "by" => {
                    params.by = Some(
                        value
                            .split(',')
                            .filter(|v| !v.is_empty())
                            .map(str::to_owned)
                            .collect(),
                    )
                }
                _ => {
                    params.set.insert(key.to_owned(), value.to_owned());
                }
            }
        }
        let catalog = Catalog::new(&assets())?;
        Ok(metric::run(self.engine().await?, catalog.get(name)?, &params)
            .await?
            .batch)
    }

    async fn check(&mut self, name: &str) -> Result<RecordBatch> {
        let checks = check::catalog(&assets())?;
        let found = checks.iter().find(|check| check.name == name);
        let check = found.ok_or_else(|| Error::usage(format!("there is no check '{name}'")))?;
        let finding = check.run(self.engine().await?).await?;
        match (finding.verdict, finding.sample) {
            (Verdict::NothingToCheck { table }, _) => {
                let text = arrow::array::StringArray::from(vec![format!("nothing to check in {table}")]);
                Ok(RecordBatch::try_from_iter([(
                    "verdict",
                    std::sync::Arc::new(text) as _,
                )])?)
            }
            (_, Some(sample)) => Ok(sample.batch),
            (_, None) => Ok(RecordBatch::new_empty(std::sync::Arc::new(
                arrow::datatypes::Schema::empty(),
            ))),
        }
    }
}

#[async_trait::async_trait]
impl AsyncDB for Lab {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        let (first, rest) = sql.split_once('\n').unwrap_or((sql, ""));
        let words: Vec<&str> = first.split_whitespace().collect();
        match words.as_slice() {
            ["load", name] => return Ok(DBOutput::StatementComplete(self.load(name, rest)?)),
            ["registry"] => {
                self.registry = rest.to_owned();
                self.engine = None;
                // A registry that is wrong fails here, where it stands.
                self.engine().await?;
                return Ok(DBOutput::StatementComplete(0));
            }
            ["set", key, value] => {
                self.set(key, value)?;
                return Ok(DBOutput::StatementComplete(0));
            }
            ["bind", values @ ..] => {
                let values = values.join(" ");
                let texts = values.split('|').map(|value| value.trim());
                self.bound = texts.map(ScalarValue::from).collect();
                return Ok(DBOutput::StatementComplete(0));
            }
            _ => {}
        }
        let batch = match words.first() {
            Some(&"metric") => self.metric(sql.trim_start().trim_start_matches("metric")).await?,
            Some(&"check") => self.check(words.get(1).copied().unwrap_or_default()).await?,
            Some(&"user") => {
                let sql = sql.trim_start().trim_start_matches("user");
                let bound = std::mem::take(&mut self.bound);
                let batches = self.engine().await?.user_query_with(sql, &bound).await?;
                arrow::compute::concat_batches(&batches[0].schema(), &batches)?
            }
            _ => self.engine().await?.query(sql, &[]).await?,
        };
        let types = batch
            .schema()
            .fields()
            .iter()
            .map(|f| column_type(f.data_type()))
            .collect();
        let rows = (0..batch.num_rows())
            .map(|row| {
                batch
                    .columns()
                    .iter()
                    .map(|column| cell(column.as_ref(), row))
                    .collect()
            })
            .collect::<Result<_>>()?;
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "spendscope"
    }
}

fn column_type(ty: &DataType) -> DefaultColumnType {
    match ty {
        ty if ty.is_integer() => DefaultColumnType::Integer,
        ty if ty.is_numeric() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    }
}

/// Amounts without the zeros at their end, measurements to nine places: what a person would write.
fn cell(column: &dyn Array, row: usize) -> Result<String> {
    if column.is_null(row) {
        return Ok("NULL".to_owned());
    }
    let text = match column.data_type() {
        DataType::Decimal128(_, 18) => {
            money::format_short(column.as_primitive::<Decimal128Type>().value(row))
        }
        DataType::Float64 => {
            let text = format!("{:.9}", column.as_primitive::<Float64Type>().value(row));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => arrow::util::display::array_value_to_string(column, row)?,
    };
    Ok(if text.is_empty() {
        "(empty)".to_owned()
    } else {
        text
    })
}
