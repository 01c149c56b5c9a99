//! A chunk of texts into a batch of its canonical table: every column is read, bad rows are taken out,
//! and so are those that are no rows of this table; the amounts of the good ones are counted.

use super::column::{Chunk, Column, Kind, Problems, System};
use super::decode::DecodeContext;
use super::mapping::Mapping;
use super::parse;
use super::privacy::{People, Show, cleanse, is_private};
use super::repeats::{place, spread};
use super::report::{Reject, Totals};
use crate::base::{Result, money::Exact, time};
use crate::schema::TableSchema;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, RecordBatch, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::TimestampMicrosecondType;
use std::fmt::Write;
use std::sync::Arc;

/// Gives the rows, and how many entries of the source are none.
pub(super) fn convert(
    mapping: &Mapping,
    chunk: &Chunk,
    ctx: &DecodeContext,
    rejects: &mut Vec<Reject>,
    totals: &mut Totals,
) -> Result<(RecordBatch, u64)> {
    let rows = chunk.len();
    let mut problems = Problems::new(rows, Show::of(mapping.table, ctx.users.as_ref()));
    let nothing = mapping.given.batch(
        mapping
            .lets
            .iter()
            .map(|l| new_null_array(&l.ty.arrow(), rows))
            .collect(),
        rows,
    )?;
    let mut lets = Vec::with_capacity(mapping.lets.len() + mapping.derived.len());
    // What was read without a problem need not be read again for a column of the table.
    let mut read: Vec<(&Column, ArrayRef)> = Vec::new();
    for value in &mapping.lets {
        let before = problems.found.len();
        let values = value.read(&mapping.fields, chunk, &nothing, &mut problems, None)?;
        if problems.found.len() == before {
            read.push((value, Arc::clone(&values)));
        }
        lets.push(values);
    }
    let given = mapping.given.batch(lets.clone(), rows)?;
    for value in &mapping.derived {
        lets.push(value.read(&mapping.fields, chunk, &given, &mut problems, None)?);
    }
    let environment = mapping.environment.batch(lets, rows)?;
    let ours = match &mapping.only {
        Some(only) => Some(only.evaluate(&environment)?.into_array(rows)?),
        None => None,
    };
    let is_ours = |row: usize| match &ours {
        Some(ours) => ours.is_valid(row) && ours.as_boolean().value(row),
        None => true,
    };

    let counted = counted_columns(mapping.table);
    // Where people are looked for, every row counts by itself.
    let by_row = chunk.repeats.is_none() || ctx.users.is_some() || is_private(mapping.table);
    let mut amounts: Vec<Amounts<'_>> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(mapping.columns.len());
    // Which value of its column each row has; nothing where there is one a row.
    let mut ids: Vec<Option<&[u32]>> = Vec::with_capacity(mapping.columns.len());
    for (at, column) in mapping.columns.iter().enumerate() {
        if !matches!(column.kind, Kind::Value(_)) {
            // Columns made from others follow below.
            columns.push(new_null_array(&column.ty.arrow(), 1));
            ids.push(Some(&[]));
            continue;
        }
        let wanted = counted.contains(&column.name.as_str());
        let mut exact = Vec::new();
        let taken = wanted.then_some(&mut exact);
        let once = column.read_once(&mapping.fields, chunk, &mut problems, taken)?;
        let (values, of) = match once {
            Some((values, of)) => (values, Some(of)),
            None => {
                let known = read.iter().find(|(other, values)| {
                    !wanted && column.reads_like(other) && (!column.required || values.null_count() == 0)
                });
                let values = match known {
                    Some((_, values)) => Arc::clone(values),
                    None => {
                        let taken = wanted.then_some(&mut exact);
                        column.read(&mapping.fields, chunk, &environment, &mut problems, taken)?
                    }
                };
                (values, None)
            }
        };
        if wanted {
            exact.resize(values.len(), None);
            amounts.push(Amounts { at, exact, ids: of });
        }
        columns.push(values);
        ids.push(of);
    }
    for (at, column) in mapping.columns.iter().enumerate() {
        if let Kind::System(system) = column.kind {
            (columns[at], ids[at]) = fill(system, mapping.table, &columns, &ids, chunk, ctx)?;
        }
    }
    if by_row {
        for (column, ids) in columns.iter_mut().zip(&mut ids) {
            if let Some(ids) = ids.take() {
                *column = spread(Arc::clone(column), ids, rows, &chunk.constants)?;
            }
        }
    }
    let people = ctx.users.as_ref();
    let people = people.map(|key| People::new(key, &mapping.columns, |slot| chunk.field(slot)));
    cleanse(mapping.table, &mut columns, people.as_ref(), &mut problems)?;
    // What is wrong with an entry that is no row of this table is nobody's business.
    problems.found.retain(|problem| is_ours(problem.row));
    let mut skipped = 0;
    for row in (0..rows).filter(|row| !is_ours(*row)) {
        problems.good[row] = false;
        skipped += 1;
    }
    count(mapping.table, &columns, &ids, &amounts, &problems, totals);
    for problem in problems.found {
        rejects.push(Reject {
            line: chunk.lines[problem.row],
            column: problem.column,
            value: problem.value,
            reason: problem.reason,
        });
    }
    for (column, ids) in columns.iter_mut().zip(ids) {
        if let Some(ids) = ids {
            *column = spread(Arc::clone(column), ids, rows, &chunk.constants)?;
        }
    }
    if problems.good.contains(&false) {
        let good = BooleanArray::from(problems.good);
        for column in &mut columns {
            *column = arrow::compute::filter(column, &good)?;
        }
    }
    Ok((RecordBatch::try_new(mapping.table.arrow(), columns)?, skipped))
}

/// What the source said in a column that is counted.
struct Amounts<'a> {
    at: usize,
    exact: Vec<Option<Exact>>,
    ids: Option<&'a [u32]>,
}

/// Which value a row has.
fn place_of(ids: Option<&[u32]>, row: usize) -> usize {
    ids.map_or(row, |ids| place(ids, row))
}

/// A column that follows from others, and which value of it each row has.
fn fill<'a>(
    system: System,
    table: &TableSchema,
    columns: &[ArrayRef],
    ids: &[Option<&'a [u32]>],
    chunk: &'a Chunk,
    ctx: &DecodeContext,
) -> Result<(ArrayRef, Option<&'a [u32]>)> {
    let rows = chunk.len();
    // A line of a bill is known by its ordinal, since bills come as Parquet, too.
    let ordinals = if table.name == "charges" {
        &chunk.rows
    } else {
        &chunk.lines
    };
    let repeats = chunk.repeats.as_ref();
    let filled: ArrayRef = match system {
        System::Source => chunk.constants.of(&ctx.source, rows)?,
        System::FileHash => chunk.constants.of(&ctx.file_hash, rows)?,
        System::DeliveryId => chunk.constants.of("", rows)?,
        System::ValidFrom => {
            let from = std::iter::repeat_n(ctx.valid_from.unwrap_or(0), rows);
            Arc::new(TimestampMicrosecondArray::from_iter_values(from).with_data_type(time::data_type()))
        }
        System::FileRow => Arc::new(Int64Array::from_iter_values(ordinals.iter().map(|r| *r as i64))),
        System::ChargeId => {
            let short: String = ctx.file_hash.chars().take(12).collect();
            let mut names = StringBuilder::with_capacity(rows, rows * (short.len() + 8));
            for row in ordinals {
                // Writing into memory does not fail.
                let _ = write!(names, "{short}:{row}");
                names.append_value("");
            }
            Arc::new(names.finish())
        }
        System::Extra => return Ok((Arc::clone(&chunk.extra), repeats.map(|r| r.extra.as_slice()))),
        System::Uncounted => return Ok((Arc::clone(&chunk.uncounted), repeats.map(|_| [].as_slice()))),
        System::Tags => return Ok((Arc::clone(&chunk.tags), repeats.map(|r| r.tags.as_slice()))),
        System::DayOf(at) => {
            let instants = columns[at].as_primitive::<TimestampMicrosecondType>();
            let days = instants.iter().map(|v| v.map(parse::day_of));
            return Ok((Arc::new(days.collect::<Date32Array>()), ids[at]));
        }
        System::MonthOf(at) => {
            let instants = columns[at].as_primitive::<TimestampMicrosecondType>();
            let mut months = StringBuilder::with_capacity(instants.len(), instants.len() * 7);
            let mut last = (None, String::new());
            for instant in instants {
                if instant.is_some() && instant != last.0 {
                    let month = instant.map(|v| time::from_micros(v).format("%Y-%m").to_string());
                    last = (instant, month.unwrap_or_default());
                }
                months.append_option(instant.map(|_| &last.1));
            }
            return Ok((Arc::new(months.finish()), ids[at]));
        }
    };
    Ok((filled, None))
}

/// The amounts that control totals are kept of.
fn counted_columns(table: &TableSchema) -> &'static [&'static str] {
    match table.name {
        "charges" => &["billed_cost", "effective_cost", "list_cost", "contracted_cost"],
        "requests" => &["gateway_cost"],
        _ => &[],
    }
}

fn count(
    table: &'static TableSchema,
    columns: &[ArrayRef],
    ids: &[Option<&[u32]>],
    amounts: &[Amounts<'_>],
    problems: &Problems,
    totals: &mut Totals,
) {
    let currency = table
        .index_of("billing_currency")
        .or_else(|| table.index_of("gateway_currency"));
    let Some(currency) = currency else {
        return;
    };
    let codes = columns[currency].as_string::<i32>();
    for counted in amounts {
        let name = table.columns[counted.at].name;
        for row in (0..problems.good.len()).filter(|row| problems.good[*row]) {
            let code = place_of(ids[currency], row);
            let code = match codes.is_null(code) {
                true => "",
                false => codes.value(code),
            };
            totals.add(code, counted.at, name, counted.exact[place_of(counted.ids, row)]);
        }
    }
}
