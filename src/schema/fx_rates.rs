use super::{Column, TableSchema, Ty::*, required};

/// Dated exchange rates. Used only in the direction they are given.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "fx_rates",
    grain: "one currency pair from one day on",
    columns: COLUMNS,
    partition_by: &[],
    key: &["source", "day", "from", "to"],
    sort_by: &["from", "to", "day"],
};

static COLUMNS: &[Column] = &[
    required(
        "source",
        Text,
        "",
        "Name of the rate list; a new import replaces the rows of its source.",
    ),
    required(
        "day",
        Date,
        "",
        "UTC day from which the rate holds, until the next one of the pair.",
    ),
    required("from", Text, "", "Currency that is converted, ISO 4217."),
    required("to", Text, "", "Currency it is converted into, ISO 4217."),
    required(
        "rate",
        Money,
        "to per from",
        "One unit of from is this many units of to.",
    ),
    required(
        "derived",
        Bool,
        "",
        "True where the pair was worked out from a list that quotes one base.",
    ),
    required("file_hash", Text, "", "BLAKE3 of the file's content."),
];
