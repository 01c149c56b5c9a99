//! A chunk of texts into a batch of its canonical table: every column is read, bad rows are taken out,
//! and so are those that are no rows of this table; the amounts of the good ones are counted.

use super::column::{Chunk, Kind, Problems, System};
use super::decode::DecodeContext;
use super::mapping::Mapping;
use super::parse;
use super::privacy::{People, Show, cleanse};
use super::report::{Reject, Totals};
use crate::base::{Result, money::Exact, time};
use crate::schema::TableSchema;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::TimestampMicrosecondType;
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
    for value in &mapping.lets {
        lets.push(value.read(&mapping.fields, chunk, &nothing, &mut problems, None)?);
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
    let mut amounts: Vec<(usize, Vec<Option<Exact>>)> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(mapping.columns.len());
    for (at, column) in mapping.columns.iter().enumerate() {
        columns.push(match &column.kind {
            Kind::Absent => new_null_array(&column.ty.arrow(), rows),
            // Columns made from others follow below.
            Kind::System(_) => new_null_array(&column.ty.arrow(), rows),
            Kind::Value(_) => {
                let wanted = counted.contains(&column.name.as_str());
                let mut exact = vec![None; if wanted { rows } else { 0 }];
                let array = column.read(
                    &mapping.fields,
                    chunk,
                    &environment,
                    &mut problems,
                    wanted.then_some(&mut exact),
                )?;
                if wanted {
                    amounts.push((at, exact));
                }
                array
            }
        });
    }
    for (at, column) in mapping.columns.iter().enumerate() {
        if let Kind::System(system) = column.kind {
            columns[at] = fill(system, mapping.table, &columns, chunk, ctx);
        }
    }
    let people = ctx.users.as_ref();
    let people = people.map(|key| People::new(key, &mapping.columns, &chunk.fields));
    cleanse(mapping.table, &mut columns, people.as_ref(), &mut problems)?;
    // What is wrong with an entry that is no row of this table is nobody's business.
    problems.found.retain(|problem| is_ours(problem.row));
    let mut skipped = 0;
    for row in (0..rows).filter(|row| !is_ours(*row)) {
        problems.good[row] = false;
        skipped += 1;
    }
    count(mapping.table, &columns, &amounts, &problems, totals);
    for problem in problems.found {
        rejects.push(Reject {
            line: chunk.lines[problem.row],
            column: problem.column,
            value: problem.value,
            reason: problem.reason,
        });
    }
    if problems.good.contains(&false) {
        let good = BooleanArray::from(problems.good);
        for column in &mut columns {
            *column = arrow::compute::filter(column, &good)?;
        }
    }
    Ok((RecordBatch::try_new(mapping.table.arrow(), columns)?, skipped))
}

fn fill(
    system: System,
    table: &TableSchema,
    columns: &[ArrayRef],
    chunk: &Chunk,
    ctx: &DecodeContext,
) -> ArrayRef {
    let rows = chunk.len();
    // A line of a bill is known by its ordinal, since bills come as Parquet, too.
    let ordinals = if table.name == "charges" {
        &chunk.rows
    } else {
        &chunk.lines
    };
    let repeated = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)));
    match system {
        System::Source => repeated(&ctx.source),
        System::FileHash => repeated(&ctx.file_hash),
        System::DeliveryId => repeated(""),
        System::ValidFrom => {
            let from = std::iter::repeat_n(ctx.valid_from.unwrap_or(0), rows);
            Arc::new(TimestampMicrosecondArray::from_iter_values(from).with_data_type(time::data_type()))
        }
        System::FileRow => Arc::new(Int64Array::from_iter_values(ordinals.iter().map(|r| *r as i64))),
        System::ChargeId => {
            let short: String = ctx.file_hash.chars().take(12).collect();
            Arc::new(StringArray::from_iter_values(
                ordinals.iter().map(|row| format!("{short}:{row}")),
            ))
        }
        System::Extra => Arc::clone(&chunk.extra),
        System::Uncounted => Arc::clone(&chunk.uncounted),
        System::Tags => Arc::clone(&chunk.tags),
        System::DayOf(at) => {
            let instants = columns[at].as_primitive::<TimestampMicrosecondType>();
            Arc::new(
                instants
                    .iter()
                    .map(|v| v.map(parse::day_of))
                    .collect::<Date32Array>(),
            )
        }
        System::MonthOf(at) => {
            let instants = columns[at].as_primitive::<TimestampMicrosecondType>();
            let month = |v: i64| time::from_micros(v).format("%Y-%m").to_string();
            Arc::new(instants.iter().map(|v| v.map(month)).collect::<StringArray>())
        }
    }
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
    amounts: &[(usize, Vec<Option<Exact>>)],
    problems: &Problems,
    totals: &mut Totals,
) {
    let currency = table
        .index_of("billing_currency")
        .or_else(|| table.index_of("gateway_currency"));
    let Some(currency) = currency.map(|at| columns[at].as_string::<i32>()) else {
        return;
    };
    for (at, exact) in amounts {
        for (row, amount) in exact.iter().enumerate() {
            if problems.good[row] {
                let code = if currency.is_null(row) {
                    ""
                } else {
                    currency.value(row)
                };
                totals.add(code, *at, table.columns[*at].name, *amount);
            }
        }
    }
}
