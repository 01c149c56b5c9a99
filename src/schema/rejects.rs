use super::{Column, TableSchema, Ty::*, optional, required};

/// Rows that could not become facts: where they are, what was wrong, what to do.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "rejects",
    grain: "one value of one row that could not be read",
    columns: COLUMNS,
    partition_by: &["month"],
    key: &["delivery_id", "file_hash", "line", "column_name"],
    sort_by: &["rejected_at", "file_hash", "line"],
};

static COLUMNS: &[Column] = &[
    required("delivery_id", Text, "", "Delivery the row was part of."),
    required("file_hash", Text, "", "BLAKE3 of the file's content."),
    required("path", Text, "", "Where the file was read, without credentials."),
    required("source", Text, "", "Name under which it was delivered."),
    required("format", Text, "", "Mapping file that read it."),
    required("table_name", Text, "", "Table the row was meant for."),
    required(
        "line",
        Int,
        "line",
        "Line of a text file, row of a Parquet file, both counted from 1.",
    ),
    required(
        "column_name",
        Text,
        "",
        "Column of the source that could not be read; empty for the whole row.",
    ),
    optional(
        "value",
        Text,
        "",
        "The value as it stood there, cut to 200 characters; NULL where it was missing.",
    ),
    required(
        "reason",
        Text,
        "",
        "Why it could not be read, and what was expected.",
    ),
    required("rejected_at", Instant, "", "When, by the clock of the run."),
    required("month", Text, "", "UTC month of rejected_at, written 2026-10."),
];
