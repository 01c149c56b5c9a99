//! Any metric as a section: its chart, its table, its totals. The one place that a report of the user's own
//! goes through; what is not one metric has a file beside this one.

use super::super::spec::{Data, DrawSpec, SectionSpec, TableSpec};
use super::super::{reckon, run::Run, words};
use super::{Part, changes};
use crate::base::{Error, Result, money, time};
use crate::frame::build::days;
use crate::frame::{ChartSpec, ColumnSpec, Frame, Role, unnamed};
use crate::render::document::{Body, Formula, Rows, Total};
use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The column that the names of marks are put into.
const NAME: &str = "name";
/// Between the parts of a name.
const JOIN: &str = " · ";
/// Heights of pictures: of a row, by kind of chart, and of a course over time.
const ROW: [(&str, u32); 5] = [
    ("bar", 52),
    ("bullet", 110),
    ("dots", 52),
    ("parts", 52),
    ("waterfall", 50),
];
const KEY: u32 = 50;
const COURSE: u32 = 400;
/// Widths of a section on the board, for the kinds whose height depends on it.
const WIDE: f64 = 1488.0;
const HALF: f64 = 720.0;
/// The first day of a part of the window.
const SLICE: &str = "day";
/// A picture of more rows is a table.
const MOST_ROWS: usize = 14;

pub(super) async fn build(run: &Run<'_>, spec: &SectionSpec) -> Result<Part> {
    let Data::Metric {
        metric,
        by,
        slices,
        set,
        filter,
        nonzero,
        largest,
        subtitle,
        empty,
    } = &spec.data
    else {
        return Err(Error::internal("a section that is no metric"));
    };
    let by: Option<Vec<&str>> = by.as_ref().map(|by| by.iter().map(String::as_str).collect());
    let frame = if *slices {
        sliced(run, metric, by.as_deref(), set).await?
    } else {
        run.metric_with(metric, by.as_deref(), set, run.window).await?
    };
    let subtitle = subtitle
        .replace("{currency}", run.currency())
        .replace("{basis}", run.settings.basis.name());
    let rows = chosen(&frame, filter, nonzero, largest.as_deref())?;
    if rows.is_empty() {
        return Ok(Part::empty(subtitle, empty));
    }
    let frame = dated(&take(&frame, &rows)?)?;
    let mut notices = Vec::new();
    let drawn = match &spec.chart {
        Some(chart) => draw(run, chart, &frame, &mut notices)?,
        None => None,
    };
    let table = match &spec.table {
        Some(table) => written(table, &frame)?,
        None => Rows::plain(frame.clone()),
    };
    let noted = spec.chart.as_ref().is_some_and(|chart| chart.changes);
    let (body, height) = match drawn {
        Some((chart, drawn)) => {
            let (chart, drawn) = if noted {
                changes::noted(run, chart, drawn).await?
            } else {
                (chart, drawn)
            };
            let height = height(&chart, &drawn, if spec.wide { WIDE } else { HALF })?;
            (Body::Chart(chart, drawn), height)
        }
        None => (Body::Table(frame), 0),
    };
    Ok(Part {
        subtitle,
        body,
        rows: Some(table),
        height,
        notices,
    })
}

/// A metric over the parts of the window, one below the other.
async fn sliced(
    run: &Run<'_>,
    metric: &str,
    by: Option<&[&str]>,
    set: &BTreeMap<String, String>,
) -> Result<Frame> {
    let mut parts = Vec::new();
    for (day, window) in run.slices() {
        let frame = run.metric_with(metric, by, set, window).await?;
        let mut columns = vec![ColumnSpec {
            name: SLICE.to_owned(),
            role: Role::Time,
            unit: String::new(),
        }];
        columns.extend(frame.columns.clone());
        let mut arrays: Vec<ArrayRef> = vec![days(std::iter::repeat_n(day, frame.rows()))];
        arrays.extend(frame.batch.columns().iter().cloned());
        parts.push(joined(columns, arrays)?);
    }
    let Some(first) = parts.first() else {
        return Err(Error::internal("a window has no parts"));
    };
    let batches = parts.iter().map(|part| &part.batch);
    let batch = arrow::compute::concat_batches(first.batch.schema_ref(), batches)?;
    Frame::new(first.columns.clone(), batch)
}

fn chosen(
    frame: &Frame,
    filter: &BTreeMap<String, String>,
    nonzero: &[String],
    largest: Option<&str>,
) -> Result<Vec<usize>> {
    let mut rows = Vec::new();
    for row in reckon::rows_where(frame, filter)? {
        let mut counts = nonzero.is_empty();
        for column in nonzero {
            counts |= reckon::amount(frame, column, row)?.is_some_and(|amount| amount != 0);
        }
        if counts {
            rows.push(row);
        }
    }
    if let Some(column) = largest {
        let mut sized = rows
            .into_iter()
            .map(|row| Ok((reckon::amount(frame, column, row)?.unwrap_or(i128::MIN), row)))
            .collect::<Result<Vec<_>>>()?;
        sized.sort_by_key(|(amount, row)| (std::cmp::Reverse(*amount), *row));
        rows = sized.into_iter().map(|(_, row)| row).collect();
    }
    Ok(rows)
}

fn take(frame: &Frame, rows: &[usize]) -> Result<Frame> {
    let at = UInt32Array::from_iter_values(rows.iter().map(|row| *row as u32));
    Frame::new(
        frame.columns.clone(),
        arrow::compute::take_record_batch(&frame.batch, &at)?,
    )
}

/// A metric that is grouped by day writes it as a text, as all its group columns; here it is time.
fn dated(frame: &Frame) -> Result<Frame> {
    let Some(index) = frame
        .columns
        .iter()
        .position(|c| c.name == "day" && c.role == Role::Dimension)
    else {
        return Ok(frame.clone());
    };
    let mut dates = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        match frame.text("day", row)?.and_then(|text| time::parse_date(&text)) {
            Some(date) => dates.push(date),
            None => return Ok(frame.clone()),
        }
    }
    replaced(frame, index, Role::Time, days(dates))
}

fn replaced(frame: &Frame, index: usize, role: Role, array: ArrayRef) -> Result<Frame> {
    let mut columns = frame.columns.clone();
    columns[index].role = role;
    let mut arrays = frame.batch.columns().to_vec();
    arrays[index] = array;
    joined(columns, arrays)
}

fn joined(columns: Vec<ColumnSpec>, arrays: Vec<ArrayRef>) -> Result<Frame> {
    let fields: Vec<Field> = columns
        .iter()
        .zip(&arrays)
        .map(|(c, a)| Field::new(&c.name, a.data_type().clone(), true))
        .collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
    Frame::new(columns, batch)
}

/// What is drawn: rows in the picture's currency, under their names. `None`: nothing has a value.
fn draw(
    run: &Run<'_>,
    spec: &DrawSpec,
    frame: &Frame,
    notices: &mut Vec<String>,
) -> Result<Option<(ChartSpec, Frame)>> {
    let mut rows = Vec::new();
    for row in 0..frame.rows() {
        let mut kept = true;
        for (column, text) in &spec.not {
            kept &= frame.text(column, row)?.as_deref() != Some(text);
        }
        if kept {
            rows.push(row);
        }
    }
    let Some(first) = spec.y.first() else {
        return Err(Error::config("a chart draws no column"));
    };
    if frame.columns[frame.index(first)?].role == Role::Money {
        let (kept, others) = reckon::split_currency(frame, rows, run.currency(), first)?;
        notices.extend(words::left_out(&others));
        rows = kept;
    }
    let mut seen = false;
    for row in &rows {
        for column in &spec.y {
            seen |= reckon::amount(frame, column, *row)?.is_some();
        }
    }
    if !seen {
        return Ok(None);
    }
    let frame = take(frame, &rows)?;
    let (x, mut frame) = named(&spec.x, frame)?;
    if spec.top > 0 && frame.rows() > spec.top {
        notices.push(format!(
            "The picture shows {} of {} rows.",
            spec.top,
            frame.rows()
        ));
        frame = Frame {
            batch: frame.batch.slice(0, spec.top),
            ..frame
        };
    }
    // The picture's frame holds what the picture uses: the rest is in the table.
    let used: BTreeSet<&str> = [
        Some(x.as_str()),
        spec.series.as_deref(),
        spec.target.as_deref(),
        spec.note.as_deref(),
    ]
    .into_iter()
    .flatten()
    .chain(spec.y.iter().map(String::as_str))
    .collect();
    let mut columns: Vec<&str> = used.into_iter().collect();
    columns.extend(
        frame
            .columns
            .iter()
            .filter(|c| c.role == Role::Currency)
            .map(|c| c.name.as_str()),
    );
    columns.sort_by_key(|name| frame.index(name).unwrap_or(usize::MAX));
    columns.dedup();
    let frame = frame.pick(&columns)?;
    let chart = ChartSpec {
        kind: spec.kind.clone(),
        x,
        y: spec.y.clone(),
        labels: spec.labels.clone(),
        series: spec.series.clone(),
        target: spec.target.clone(),
        note: spec.note.clone(),
    };
    Ok(Some((chart, frame)))
}

/// The column along the axis: time as it is, names as texts, several put together.
fn named(x: &[String], frame: Frame) -> Result<(String, Frame)> {
    if let [only] = x
        && frame.columns[frame.index(only)?].role == Role::Time
    {
        return Ok((only.clone(), frame));
    }
    let mut names = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        let mut parts = Vec::with_capacity(x.len());
        for (i, column) in x.iter().enumerate() {
            match frame.text(column, row)? {
                Some(text) => parts.push(words::plain(&text)),
                // The first of the names stands even where there is none.
                None if i == 0 => parts.push(unnamed(column)),
                None => {}
            }
        }
        names.push(parts.join(JOIN));
    }
    let mut columns = vec![ColumnSpec {
        name: NAME.to_owned(),
        role: Role::Dimension,
        unit: String::new(),
    }];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(names))];
    for (column, array) in frame.columns.iter().zip(frame.batch.columns()) {
        if column.name != NAME {
            columns.push(column.clone());
            arrays.push(array.clone());
        }
    }
    Ok((NAME.to_owned(), joined(columns, arrays)?))
}

fn height(chart: &ChartSpec, frame: &Frame, width: f64) -> Result<u32> {
    if let Some(height) = crate::render::chart::height(chart, frame, width)? {
        return Ok(height);
    }
    let Some((_, each)) = ROW.iter().find(|(kind, _)| *kind == chart.kind) else {
        return Ok(COURSE);
    };
    let mut names = BTreeSet::new();
    for row in 0..frame.rows() {
        names.insert(frame.text(&chart.x, row)?);
    }
    // Several rows of one name are one bar of several parts.
    let rows = if chart.series.is_some() {
        names.len()
    } else {
        frame.rows()
    };
    let sum = usize::from(chart.kind == "waterfall");
    let key = chart.y.len() > 1 || chart.series.is_some();
    Ok((rows.min(MOST_ROWS) + sum) as u32 * each + if key { KEY } else { 0 })
}

fn written(spec: &TableSpec, frame: &Frame) -> Result<Rows> {
    let shown: Vec<(String, String)> = spec
        .columns
        .iter()
        .map(super::super::spec::TableColumn::pair)
        .collect();
    for (column, _) in &shown {
        known(frame, column)?;
    }
    let currency = frame.columns.iter().find(|c| c.role == Role::Currency);
    let mut totals = Vec::new();
    for column in &spec.total {
        known(frame, column)?;
        let mut sums: BTreeMap<Option<String>, i128> = BTreeMap::new();
        for row in 0..frame.rows() {
            let code = match currency {
                Some(currency) => frame.text(&currency.name, row)?,
                None => None,
            };
            // What is missing in every row has no sum.
            if let Some(amount) = reckon::amount(frame, column, row)? {
                reckon::add(sums.entry(code).or_insert(0), amount)?;
            }
        }
        totals.extend(sums.into_iter().map(|(currency, amount)| Total {
            currency,
            column: column.clone(),
            amount,
        }));
    }
    let mut formulas = Vec::new();
    for (column, terms) in &spec.formula {
        known(frame, column)?;
        let terms: Vec<(bool, String)> = terms
            .iter()
            .map(|term| match term.strip_prefix('-') {
                Some(name) => (true, name.to_owned()),
                None => (false, term.clone()),
            })
            .collect();
        holds(frame, column, &terms)?;
        formulas.push(Formula {
            column: column.clone(),
            terms,
        });
    }
    Ok(Rows {
        frame: frame.clone(),
        shown,
        totals,
        formulas,
        on_picture: spec.rows,
    })
}

fn known(frame: &Frame, column: &str) -> Result<()> {
    if frame.columns.iter().any(|c| c.name == column) {
        return Ok(());
    }
    let names: Vec<&str> = frame.columns.iter().map(|c| c.name.as_str()).collect();
    Err(Error::config(format!("the metric has no column '{column}'"))
        .advise(format!("one of {}", names.join(", "))))
}

/// A formula that a workbook would work out differently from the metric is a wrong report.
fn holds(frame: &Frame, column: &str, terms: &[(bool, String)]) -> Result<()> {
    for (_, term) in terms {
        known(frame, term)?;
    }
    if !matches!(
        frame.batch.column(frame.index(column)?).data_type(),
        DataType::Decimal128(..)
    ) {
        return Err(Error::config(format!(
            "the column '{column}' of a formula holds no decimals"
        )));
    }
    for row in 0..frame.rows() {
        let mut sum = 0_i128;
        for (less, term) in terms {
            let amount = reckon::amount(frame, term, row)?.unwrap_or(0);
            reckon::add(&mut sum, if *less { -amount } else { amount })?;
        }
        if let Some(stated) = reckon::amount(frame, column, row)? {
            // Each converted column is rounded once, in its last digit.
            if stated.abs_diff(sum) > terms.len() as u128 {
                return Err(Error::config(format!(
                    "'{column}' is {} and its formula gives {}",
                    money::format_short(stated),
                    money::format_short(sum)
                )));
            }
        }
    }
    Ok(())
}
