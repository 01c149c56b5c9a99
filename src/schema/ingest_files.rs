use super::{Column, TableSchema, Ty::*, optional, required};
use arrow::datatypes::{DataType, Field, Fields};

/// What was ingested: the memory that makes a second ingest of the same bytes a no-op, and the
/// control totals that tie the lake to its sources.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "ingest_files",
    grain: "one file of one delivery",
    columns: COLUMNS,
    partition_by: &["month"],
    key: &["delivery_id", "file_hash"],
    sort_by: &["ingested_at", "path"],
};

static COLUMNS: &[Column] = &[
    required(
        "delivery_id",
        Text,
        "",
        "Hash over source, table and all files of the delivery.",
    ),
    required("file_hash", Text, "", "BLAKE3 of the file's content."),
    required("path", Text, "", "Where the file was read, without credentials."),
    required("bytes", Int, "bytes", "Size of the file as it lay there."),
    required("source", Text, "", "Name under which it was delivered."),
    required("format", Text, "", "Mapping file that read it."),
    required("table_name", Text, "", "Table it went to."),
    required("ingested_at", Instant, "", "When, by the clock of the run."),
    required("month", Text, "", "UTC month of ingested_at, written 2026-10."),
    required("rows_in", Int, "rows", "Rows found in the file."),
    required("rows_kept", Int, "rows", "Rows that became facts of this file."),
    required(
        "rows_known",
        Int,
        "rows",
        "Rows that were facts already, or the lesser copy of one.",
    ),
    required("rows_rejected", Int, "rows", "Rows that went to rejects."),
    optional(
        "period",
        Text,
        "",
        "Billing months it covers, comma-separated; NULL for other tables.",
    ),
    optional(
        "totals",
        Totals,
        "",
        "Per currency and amount column: rows, nulls, source total, stored total and rounding.",
    ),
];

/// One control total: `source_total = stored_total + rounding`, exactly. Source totals may have more
/// digits than an amount and are kept as decimal text.
pub(super) fn total_fields() -> Fields {
    Fields::from(vec![
        Field::new("currency", DataType::Utf8, true),
        Field::new("column_name", DataType::Utf8, true),
        Field::new("rows", DataType::Int64, true),
        Field::new("nulls", DataType::Int64, true),
        Field::new("source_total", DataType::Utf8, true),
        Field::new("stored_total", crate::base::money::data_type(), true),
        Field::new("rounding", DataType::Utf8, true),
    ])
}
