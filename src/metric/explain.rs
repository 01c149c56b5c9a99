//! What a figure of a metric is made of: the rows it sums, found by the metric's own query.
//!
//! A header names a part of its query (a CTE, or a view) whose rows the figures sum. An explanation puts
//! its own SELECT over that part, so figure and explanation cannot drift apart, and whether they agree is
//! still worked out anew each time. What to show of the rows stands in `queries/explain/*.sql`, each a
//! query over `explained`. Knows no lake and prints nothing.

use super::header::ColumnType;
use super::{Metric, Params, param};
use crate::asset::{Asset, Assets};
use crate::base::{Context, Error, Result, money};
use crate::engine::Engine;
use crate::frame::{Frame, Role};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// `[explain]` of a header, or `explain = "none: why"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Explain {
    /// There is nothing to go down to, and why.
    Nothing(String),
    From(Source),
}

/// Where the rows are and what each column makes of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A CTE of the query, or a view.
    pub from: String,
    /// Which of its rows, as SQL. `$from`, `$to`, parameters of the metric, and `$at_COLUMN`: what the
    /// explained row of the result says in a column.
    #[serde(rename = "where", default)]
    pub filter: Option<String>,
    /// Column of the result → expression over the rows, where it is no column of that name. Empty: the
    /// column does not pick rows.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// What amounts are multiplied by; the column `rate` where there is one.
    #[serde(default)]
    pub rate: Option<String>,
    /// The column that is meant unless one is named; else the one that the chart shows.
    #[serde(default)]
    pub column: Option<String>,
    pub columns: BTreeMap<String, Made>,
}

/// What one column is made of: exactly one of `sum`, `count`, `plus` and `over`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Made {
    /// Σ of this expression, × the rate where it is money.
    pub sum: Option<String>,
    /// Number of different values of this expression; `*` counts rows.
    pub count: Option<String>,
    /// These columns (or parts that are no columns) added up.
    pub plus: Vec<String>,
    /// A ratio of two of them.
    pub over: Vec<String>,
    /// A ratio is multiplied by this SQL expression.
    pub times: Option<String>,
    #[serde(rename = "where")]
    pub filter: Option<String>,
    pub rate: Option<String>,
    /// Another part of the query than the other columns'.
    pub from: Option<String>,
    /// Counted whatever the currency of the row.
    pub any_currency: bool,
}

impl TryFrom<toml::Value> for Explain {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Explain, String> {
        match value {
            toml::Value::String(text) => match text.strip_prefix("none:").map(str::trim) {
                Some(why) if !why.is_empty() => Ok(Explain::Nothing(why.to_owned())),
                _ => Err(format!("explain = \"{text}\": write \"none: why\", or a table")),
            },
            table => table.try_into().map(Explain::From).map_err(|e| e.to_string()),
        }
    }
}

impl Explain {
    /// What can be told without the query; `columns` are those of the header.
    pub(super) fn validate(&self, columns: &BTreeSet<&str>) -> Result<()> {
        let Explain::From(source) = self else {
            return Ok(());
        };
        let wrong = |what: String| Err(Error::config(format!("explain: {what}")));
        if !source.columns.keys().any(|name| columns.contains(name.as_str())) {
            return wrong("no column of the metric is explained".to_owned());
        }
        if let Some(name) = source
            .column
            .as_ref()
            .filter(|c| !source.columns.contains_key(*c))
        {
            return wrong(format!("column names '{name}', which is not explained"));
        }
        for (name, made) in &source.columns {
            let ways = [
                made.sum.is_some(),
                made.count.is_some(),
                !made.plus.is_empty(),
                !made.over.is_empty(),
            ];
            if ways.iter().filter(|way| **way).count() != 1 {
                return wrong(format!("{name} is one of sum, count, plus and over"));
            }
            if !made.over.is_empty() && made.over.len() != 2 {
                return wrong(format!("{name}: over names two columns"));
            }
            for part in made.plus.iter().chain(&made.over) {
                match source.columns.get(part) {
                    Some(inner) if part != name && (inner.over.is_empty()) => {
                        if !made.plus.is_empty() && !inner.plus.is_empty() {
                            return wrong(format!("{name}: {part} is itself a sum of parts"));
                        }
                    }
                    _ => return wrong(format!("{name} is made of '{part}', which is not explained")),
                }
            }
        }
        Ok(())
    }
}

/// A line of `queries/explain/`: what to show of the explained rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub title: String,
    /// What a reader can do with it.
    pub description: String,
    pub order: u32,
    /// Columns that the rows must have for it to say anything.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Columns that make another section say it better.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Columns of its result that are amounts, shares, counts.
    #[serde(default)]
    pub money: Vec<String>,
    #[serde(default)]
    pub count: Vec<String>,
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    sql: String,
}

impl Section {
    fn parse(asset: &Asset) -> Result<Section> {
        let (mut section, sql) = crate::asset::header::parse::<Section>(asset)?;
        section.name = asset.name().to_owned();
        section.sql = sql.to_owned();
        Ok(section)
    }

    /// All of them, in the order of a page. `rows` is not one of them: it is the page's other form.
    fn all(assets: &Assets) -> Result<Vec<Section>> {
        let mut sections = assets
            .under("explain/")
            .map(Section::parse)
            .collect::<Result<Vec<_>>>()?;
        sections.sort_by_key(|s| s.order);
        Ok(sections)
    }

    fn frame(&self, batch: arrow::array::RecordBatch) -> Frame {
        let mut frame = Frame::guess(batch);
        for column in &mut frame.columns {
            if self.money.contains(&column.name) {
                column.role = Role::Money;
            } else if self.count.contains(&column.name) {
                column.role = Role::Measure;
            }
        }
        frame
    }
}

/// What is asked: a metric, in a window, and which of its figures.
#[derive(Debug, Clone)]
pub struct Question {
    pub params: Params,
    /// Column of the result → value; an empty value is NULL.
    pub at: Vec<(String, String)>,
    pub column: Option<String>,
}

/// Rows that a figure sums, as SQL.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    select: String,
    /// What ties it to the figure, over the columns of `select`.
    total: &'static str,
}

/// One figure of a result, and how to get at its rows.
pub struct Figure<'a> {
    metric: &'a Metric,
    engine: &'a Engine,
    sections: Vec<Section>,
    /// The WITH clause of the metric, empty where it has none.
    ctes: String,
    values: Vec<(String, ScalarValue)>,
    columns: BTreeSet<String>,
    parts: Vec<Part>,
    pub column: String,
    /// Column and value (None: NULL) that pick the figure.
    pub at: Vec<(String, Option<String>)>,
    /// Unit of the figure: a currency code for money.
    pub unit: String,
    pub ties: Vec<Tie>,
}

/// A figure and what its rows add up to.
#[derive(Debug, Clone)]
pub struct Tie {
    pub name: String,
    pub value: Value,
    pub explained: Value,
    /// Of both: a currency code for money.
    pub unit: String,
    pub rows: i64,
    /// `a ÷ b` for a ratio, whose rows are those of a.
    pub how: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    Missing,
    Exact(i128),
    Measured(f64),
}

impl Value {
    pub fn text(self) -> String {
        match self {
            Value::Missing => "NULL".to_owned(),
            Value::Exact(v) => money::format_short(v),
            Value::Measured(v) => v.to_string(),
        }
    }
}

/// Sums of floats depend on their order in the last digits; amounts and counts do not.
const FLOAT_DIGITS: f64 = 1e-9;

impl Tie {
    pub fn holds(&self) -> bool {
        match (self.value, self.explained) {
            (Value::Exact(a), Value::Exact(b)) => a == b,
            (Value::Measured(a), Value::Measured(b)) => (a - b).abs() <= FLOAT_DIGITS * a.abs().max(b.abs()),
            // Money over a measured quantity is as exact as the measurement.
            (Value::Exact(a), Value::Measured(b)) => {
                let a = a as f64 / money::ONE as f64;
                (a - b).abs() <= FLOAT_DIGITS * a.abs().max(b.abs())
            }
            (Value::Missing, Value::Missing) => true,
            // Nothing to add up is 0 to a metric that says so.
            (Value::Exact(0), Value::Missing) => true,
            (Value::Measured(v), Value::Missing) => v == 0.0,
            _ => false,
        }
    }

    /// What the figure has and its rows do not.
    pub fn difference(&self) -> String {
        match (self.value, self.explained) {
            (Value::Exact(a), Value::Exact(b)) => {
                a.checked_sub(b).map_or_else(String::new, money::format_short)
            }
            (Value::Measured(a), Value::Measured(b)) => (a - b).to_string(),
            (a, b) => format!("{} against {}", a.text(), b.text()),
        }
    }
}

/// Columns that sections join on. Where the rows of a metric lack one, it is NULL.
const KNOWN: &[(&str, &str)] = &[
    ("leaf", "VARCHAR"),
    ("kind", "VARCHAR"),
    ("evidence", "VARCHAR"),
    ("modelled", "BOOLEAN"),
    ("charge_id", "VARCHAR"),
    ("request_source", "VARCHAR"),
    ("request_id", "VARCHAR"),
    ("task_id", "VARCHAR"),
    ("host", "VARCHAR"),
    ("hour", "TIMESTAMP"),
    ("period_start", "TIMESTAMP"),
    ("currency", "VARCHAR"),
    ("fx_rate", "DECIMAL(38, 18)"),
];

/// Rows of a result that are explained one by one; more than that is no answer to read.
const FIGURES: usize = 4;

/// The figures that a question asks for, each tied to its rows.
pub async fn explain<'a>(
    engine: &'a Engine,
    assets: &Assets,
    metric: &'a Metric,
    question: &Question,
) -> Result<Vec<Figure<'a>>> {
    let source = match &metric.header.explain {
        Some(Explain::From(source)) => source,
        Some(Explain::Nothing(why)) => {
            return Err(Error::usage(format!(
                "{} cannot be explained: {why}",
                metric.name
            )));
        }
        None => {
            return Err(
                Error::usage(format!("{} does not say what it is made of", metric.name))
                    .advise("give its header an [explain] block, as src/README.md shows"),
            );
        }
    };
    let column = chosen(metric, source, question)?;
    let mut params = question.params.clone();
    if params.by.is_none() {
        let dimensions = question.at.iter().map(|(name, _)| name.clone());
        params.by = Some(
            dimensions
                .filter(|name| metric.header.dimensions.contains(name))
                .collect(),
        );
    }
    let frame = super::run(engine, metric, &params).await?;
    let rows = matching(metric, &frame, &question.at)?;
    let by = param::group_columns(metric, &params)?;
    let ctes = with_clause(&metric.sql_by(&by))?;
    let sections = Section::all(assets)?;
    let mut figures = Vec::new();
    for row in rows {
        let mut figure = Figure {
            metric,
            engine,
            sections: sections.clone(),
            ctes: ctes.clone(),
            values: param::bind(metric, &params)?,
            columns: BTreeSet::new(),
            parts: Vec::new(),
            column: column.to_owned(),
            at: Vec::new(),
            unit: String::new(),
            ties: Vec::new(),
        };
        figure
            .fill(source, &frame, row)
            .await
            .with_context(|| format!("explaining {} of {}", column, metric.name))?;
        figures.push(figure);
    }
    Ok(figures)
}

fn chosen<'a>(metric: &Metric, source: &'a Source, question: &'a Question) -> Result<&'a str> {
    let explained = || {
        source
            .columns
            .keys()
            .filter(|name| metric.header.columns.iter().any(|c| c.name == **name))
    };
    if let Some(asked) = &question.column {
        return match explained().find(|name| *name == asked) {
            Some(name) => Ok(name),
            None => Err(Error::usage(format!(
                "{} has no column '{asked}' that can be explained",
                metric.name
            ))
            .advise(format!(
                "one of {}",
                explained().cloned().collect::<Vec<_>>().join(", ")
            ))),
        };
    }
    let drawn = metric.header.chart.as_ref().map(|chart| &chart.y);
    source
        .column
        .iter()
        .chain(
            drawn
                .into_iter()
                .filter_map(|y| explained().find(|name| *name == y)),
        )
        .chain(explained())
        .next()
        .map(String::as_str)
        .ok_or_else(|| Error::internal("a metric without an explained column"))
}

/// The rows of the result that are asked for.
fn matching(metric: &Metric, frame: &Frame, at: &[(String, String)]) -> Result<Vec<usize>> {
    for (name, _) in at {
        let pickable =
            |c: &&crate::frame::ColumnSpec| matches!(c.role, Role::Dimension | Role::Currency | Role::Time);
        if !frame.columns.iter().filter(pickable).any(|c| c.name == *name) {
            let names: BTreeSet<&str> = frame
                .columns
                .iter()
                .filter(pickable)
                .map(|c| c.name.as_str())
                .chain(metric.header.dimensions.iter().map(String::as_str))
                .collect();
            return Err(
                Error::usage(format!("{} has no '{name}' to pick by", metric.name)).advise(format!(
                    "--where takes {}",
                    names.into_iter().collect::<Vec<_>>().join(", ")
                )),
            );
        }
    }
    let mut rows = Vec::new();
    for row in 0..frame.rows() {
        let mut fits = true;
        for (name, value) in at {
            fits &= frame.text(name, row)?.unwrap_or_default() == *value;
        }
        if fits {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Err(no_row(metric, frame, at)?);
    }
    if rows.len() > FIGURES {
        let mut seen = Vec::new();
        for row in rows.iter().take(FIGURES) {
            seen.push(label(frame, *row)?);
        }
        return Err(
            Error::usage(format!("{} rows of {} fit", rows.len(), metric.name))
                .advise(format!("pick one with --where, such as {}", seen.join("; "))),
        );
    }
    Ok(rows)
}

fn no_row(metric: &Metric, frame: &Frame, at: &[(String, String)]) -> Result<Error> {
    let asked: Vec<String> = at.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut error = Error::usage(format!(
        "{} has no row{}{} in this window",
        metric.name,
        if asked.is_empty() { "" } else { " where " },
        asked.join(", ")
    ));
    if let Some((name, _)) = at.first() {
        let mut values = BTreeSet::new();
        for row in 0..frame.rows() {
            values.insert(
                frame
                    .text(name, row)?
                    .unwrap_or_else(|| "(empty: NULL)".to_owned()),
            );
        }
        let shown: Vec<String> = values.into_iter().take(12).collect();
        if !shown.is_empty() {
            error = error.advise(format!("{name} is one of {}", shown.join(", ")));
        }
    }
    Ok(error)
}

fn label(frame: &Frame, row: usize) -> Result<String> {
    let mut parts = Vec::new();
    for column in &frame.columns {
        if matches!(column.role, Role::Dimension | Role::Currency | Role::Time) {
            parts.push(format!(
                "{}={}",
                column.name,
                frame.text(&column.name, row)?.unwrap_or_default()
            ));
        }
    }
    Ok(parts.join(" "))
}

/// The text of a query's WITH clause.
fn with_clause(sql: &str) -> Result<String> {
    let statements = Parser::parse_sql(&GenericDialect {}, sql).map_err(|e| Error::query(e.to_string()))?;
    match statements.first() {
        Some(Statement::Query(query)) => Ok(query.with.as_ref().map(ToString::to_string).unwrap_or_default()),
        _ => Err(Error::query("a metric is one query")),
    }
}

impl Figure<'_> {
    async fn fill(&mut self, source: &Source, frame: &Frame, row: usize) -> Result<()> {
        for column in &frame.columns {
            let picks = matches!(column.role, Role::Dimension | Role::Currency | Role::Time);
            let value = frame.text(&column.name, row)?;
            if column.role == Role::Currency {
                self.unit = value.clone().unwrap_or_default();
            }
            if picks {
                self.at.push((column.name.clone(), value));
            }
            let scalar = ScalarValue::try_from_array(frame.batch.column(frame.index(&column.name)?), row)
                .context("a value of the result")?;
            self.values.push((format!("at_{}", column.name), scalar));
        }
        let name = self.column.clone();
        let made = self.made(source, &name)?;
        let currency = std::mem::take(&mut self.unit);
        self.unit = self.unit_of(&name, &currency);
        let value = self.value_of(frame, &name, row)?.unwrap_or(Value::Missing);
        let [over, under] = made.over.as_slice() else {
            self.parts = self.parts_of(source, &name).await?;
            let (explained, rows) = self.total(&self.parts).await?;
            let unit = self.unit.clone();
            self.ties.push(Tie {
                name,
                value,
                explained,
                unit,
                rows,
                how: how(made),
            });
            return Ok(());
        };
        let mut sides = Vec::new();
        for side in [over, under] {
            let parts = self.parts_of(source, side).await?;
            let (explained, rows) = self.total(&parts).await?;
            // A side that the result does not show is only explained.
            let shown = self.value_of(frame, side, row)?.unwrap_or(explained);
            let how = how(self.made(source, side)?);
            let unit = self.unit_of(side, &currency);
            self.ties.push(Tie {
                name: side.clone(),
                value: shown,
                explained,
                unit,
                rows,
                how,
            });
            sides.push(explained);
            if self.parts.is_empty() {
                self.parts = parts;
            }
        }
        let times = match &made.times {
            Some(factor) => Some(self.factor(factor).await?),
            None => None,
        };
        let explained = divide(sides[0], sides[1], times, value);
        let how = format!(
            "{over} ÷ {under}{}",
            made.times.as_ref().map(|t| format!(" × {t}")).unwrap_or_default()
        );
        let rows = self.ties.first().map_or(0, |tie| tie.rows);
        let unit = self.unit.clone();
        self.ties.push(Tie {
            name,
            value,
            explained,
            unit,
            rows,
            how,
        });
        Ok(())
    }

    fn made<'s>(&self, source: &'s Source, name: &str) -> Result<&'s Made> {
        source
            .columns
            .get(name)
            .ok_or_else(|| Error::internal(format!("'{name}' is not explained")))
    }

    /// `USD`, `USD per request`, `requests`; nothing for a part that is no column.
    fn unit_of(&self, name: &str, currency: &str) -> String {
        match self.header_column(name) {
            Some(c) if c.role == Role::Money => format!("{currency} {}", c.unit).trim().to_owned(),
            Some(c) => c.unit.clone(),
            None => String::new(),
        }
    }

    fn header_column(&self, name: &str) -> Option<&super::Column> {
        self.metric.header.columns.iter().find(|c| c.name == name)
    }

    /// What the result says, `None` where it does not show the column.
    fn value_of(&self, frame: &Frame, name: &str, row: usize) -> Result<Option<Value>> {
        let Some(column) = self.header_column(name) else {
            return Ok(None);
        };
        Ok(Some(match column.ty {
            ColumnType::Float => frame.float(name, row)?.map_or(Value::Missing, Value::Measured),
            _ => frame.decimal(name, row)?.map_or(Value::Missing, Value::Exact),
        }))
    }

    async fn factor(&self, expression: &str) -> Result<f64> {
        let sql = format!("SELECT CAST({expression} AS DOUBLE) AS factor");
        let frame = Frame::guess(self.engine.query(&sql, &self.bound()).await?);
        Ok(frame.float("factor", 0)?.unwrap_or(f64::NAN))
    }

    fn bound(&self) -> Vec<(&str, ScalarValue)> {
        self.values.iter().map(|(n, v)| (n.as_str(), v.clone())).collect()
    }

    /// The rows of a column: one SELECT, or one for each of the parts that are added up.
    async fn parts_of(&mut self, source: &Source, name: &str) -> Result<Vec<Part>> {
        let made = self.made(source, name)?;
        let names: Vec<&str> = match made.plus.is_empty() {
            true => vec![name],
            false => made.plus.iter().map(String::as_str).collect(),
        };
        let mut parts = Vec::new();
        for part in names {
            parts.push(self.part(source, part, name).await?);
        }
        Ok(parts)
    }

    async fn part(&mut self, source: &Source, name: &str, whole: &str) -> Result<Part> {
        let made = self.made(source, name)?;
        let from = made.from.as_ref().unwrap_or(&source.from);
        if self.columns.is_empty() || made.from.is_some() {
            let sql = format!("{} SELECT * FROM {from}", self.ctes);
            let found = self.engine.columns_of(&sql).await?;
            if self.columns.is_empty() {
                self.columns = found.clone();
            }
            return Ok(self.select(source, made, name, whole, from, &found));
        }
        let columns = self.columns.clone();
        Ok(self.select(source, made, name, whole, from, &columns))
    }

    fn select(
        &self,
        source: &Source,
        made: &Made,
        name: &str,
        whole: &str,
        from: &str,
        columns: &BTreeSet<String>,
    ) -> Part {
        let role = self.header_column(name).or_else(|| self.header_column(whole));
        let ty = role.map_or(ColumnType::Decimal, |c| c.ty);
        // A part that is no column, such as the bottom of a ratio of two amounts, is money like them.
        let is_money = role.is_none_or(|c| matches!(c.role, Role::Money | Role::Ratio));
        let mut wheres: Vec<String> = Vec::new();
        for (column, value) in &self.at {
            let expression = match source.keys.get(column) {
                Some(key) if key.is_empty() => continue,
                Some(key) => key.clone(),
                None if *column == "currency" && columns.contains("shown") => "shown".to_owned(),
                None if columns.contains(column) => column.clone(),
                None => continue,
            };
            let is_currency = self
                .header_column(column)
                .is_some_and(|c| c.role == Role::Currency);
            if is_currency && made.any_currency {
                continue;
            }
            wheres.push(match value {
                Some(_) => format!("CAST({expression} AS VARCHAR) = CAST($at_{column} AS VARCHAR)"),
                None => format!("({expression}) IS NULL"),
            });
        }
        wheres.extend(source.filter.iter().chain(&made.filter).map(|f| format!("({f})")));
        let rate = match made.rate.as_ref().or(source.rate.as_ref()) {
            _ if !is_money || ty == ColumnType::Float => "1".to_owned(),
            Some(rate) => rate.clone(),
            None if columns.contains("rate") => "rate".to_owned(),
            None => "1".to_owned(),
        };
        let (value, amount, counted, total) = match (&made.sum, &made.count) {
            (Some(sum), _) if ty == ColumnType::Float => (
                format!("CAST({sum} AS DOUBLE)"),
                format!("CAST({sum} AS DECIMAL(38, 18))"),
                "NULL".to_owned(),
                "sum(figure_value)",
            ),
            (Some(sum), _) => (
                format!("CAST({sum} AS DECIMAL(38, 18))"),
                format!("CAST({sum} AS DECIMAL(38, 18))"),
                "NULL".to_owned(),
                "sum_product(figure_value, figure_rate)",
            ),
            (None, count) => {
                let counted = count.as_deref().unwrap_or("*");
                let value = if counted == "*" { "1" } else { counted };
                let total = if counted == "*" {
                    "count(figure_value)"
                } else {
                    "count(DISTINCT figure_value)"
                };
                (
                    format!("CAST({value} AS VARCHAR)"),
                    "CAST(NULL AS DECIMAL(38, 18))".to_owned(),
                    value.to_owned(),
                    total,
                )
            }
        };
        wheres.push(format!("({value}) IS NOT NULL"));
        let padded: String = KNOWN
            .iter()
            .filter(|(name, _)| !columns.contains(*name))
            .map(|(name, ty)| format!(", CAST(NULL AS {ty}) AS {name}"))
            .collect();
        let select = format!(
            "SELECT *{padded}, {value} AS figure_value, {amount} AS figure_amount, \
             CAST({counted} AS VARCHAR) AS counted, CAST({rate} AS DECIMAL(38, 18)) AS figure_rate FROM {from} WHERE {}",
            wheres.join(" AND ")
        );
        Part {
            name: name.to_owned(),
            select,
            total,
        }
    }

    /// Σ of the parts, each rounded as the metric rounds it, and the number of rows.
    async fn total(&self, parts: &[Part]) -> Result<(Value, i64)> {
        let (mut sum, mut rows) = (Value::Missing, 0);
        for part in parts {
            let sql = format!(
                "WITH explained AS ({} {}) SELECT {} AS total, count(*) AS entries FROM explained",
                self.ctes, part.select, part.total
            );
            let what = || format!("the rows of {}", part.name);
            let frame = Frame::guess(self.engine.query(&sql, &self.bound()).await.with_context(what)?);
            rows += frame.int("entries", 0)?.unwrap_or_default();
            let total = match frame.batch.column(0).data_type() {
                DataType::Float64 => frame.float("total", 0)?.map_or(Value::Missing, Value::Measured),
                _ => frame.decimal("total", 0)?.map_or(Value::Missing, Value::Exact),
            };
            sum = match (sum, total) {
                (Value::Exact(a), Value::Exact(b)) => Value::Exact(
                    a.checked_add(b)
                        .ok_or_else(|| Error::query("a sum is too large for an amount"))?,
                ),
                (Value::Measured(a), Value::Measured(b)) => Value::Measured(a + b),
                (Value::Missing, other) | (other, _) => other,
            };
        }
        Ok((sum, rows))
    }

    /// Does the figure equal what its rows add up to, and each side of a ratio too.
    pub fn ties(&self) -> bool {
        self.ties.iter().all(Tie::holds)
    }

    fn query_of(&self, section: &Section) -> String {
        let selects: Vec<&str> = self.parts.iter().map(|p| p.select.as_str()).collect();
        let explained = format!("explained AS ({} {})", self.ctes, selects.join(" UNION ALL "));
        match section.sql.trim_start().strip_prefix("WITH ") {
            Some(rest) => format!("WITH {explained}, {rest}"),
            None => format!("WITH {explained} {}", section.sql),
        }
    }

    async fn section(&self, section: &Section) -> Result<Frame> {
        let what = || format!("explain/{}", section.name);
        let sql = self.query_of(section);
        let batch = self.engine.query(&sql, &self.bound()).await.with_context(what)?;
        Ok(section.frame(batch))
    }

    /// Everything a page shows, in its order. A section that has nothing to say is left out.
    pub async fn page(&self) -> Result<Vec<(Section, Frame)>> {
        let has = |name: &String| self.columns.contains(name);
        let mut page = Vec::new();
        for section in self.sections.iter().filter(|s| s.name != ROWS) {
            if !section.needs.iter().all(has) || section.unless.iter().any(has) {
                continue;
            }
            let frame = self.section(section).await?;
            if frame.rows() > 0 {
                page.push((section.clone(), frame));
            }
        }
        Ok(page)
    }

    /// Each row that the figure sums, batch by batch: where it lies in which file.
    pub async fn rows(&self) -> Result<crate::engine::Batches> {
        let section = self
            .sections
            .iter()
            .find(|s| s.name == ROWS)
            .ok_or_else(|| Error::internal("there is no explain/rows.sql"))?;
        self.engine.stream(&self.query_of(section), &self.bound()).await
    }
}

/// The section that goes down to single rows.
const ROWS: &str = "rows";

fn how(made: &Made) -> String {
    let filter = made
        .filter
        .as_ref()
        .map(|f| format!(" where {f}"))
        .unwrap_or_default();
    match (&made.sum, &made.count) {
        (Some(sum), _) => format!("Σ {sum}{filter}"),
        (_, Some(count)) if count == "*" => format!("number of rows{filter}"),
        (_, Some(count)) => format!("number of different {count}{filter}"),
        _ => made.plus.join(" + "),
    }
}

/// A ratio rounded as `ratio()` rounds it, or a float where the figure is one.
fn divide(over: Value, under: Value, times: Option<f64>, like: Value) -> Value {
    let float = |value: Value| match value {
        Value::Exact(v) => Some(v as f64 / money::ONE as f64),
        Value::Measured(v) => Some(v),
        Value::Missing => None,
    };
    match (over, under, like, times) {
        (Value::Exact(a), Value::Exact(b), Value::Exact(_) | Value::Missing, None) => {
            money::ratio(a, b).map_or(Value::Missing, Value::Exact)
        }
        // No row at all, over something: a sum of nothing is 0 to the metric.
        (Value::Missing, Value::Exact(b), Value::Exact(0), None) if b != 0 => Value::Exact(0),
        _ => match (float(over), float(under)) {
            (Some(a), Some(b)) if b != 0.0 => Value::Measured(a / b * times.unwrap_or(1.0)),
            _ => Value::Missing,
        },
    }
}
