use super::{Column, TableSchema, Ty::*, optional, required};

/// Carbon intensity of grids. A row holds until the next valid_from of the same region.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "grid_intensity",
    grain: "one region's grid from one moment on",
    columns: COLUMNS,
    partition_by: &[],
    key: &["source", "region", "valid_from"],
    sort_by: &["region", "valid_from"],
};

static COLUMNS: &[Column] = &[
    required(
        "source",
        Text,
        "",
        "Name of the list; a new import replaces the rows of its source.",
    ),
    required("region", Text, "", "Region as charges and gateways name it."),
    required(
        "valid_from",
        Instant,
        "",
        "First moment at which the figure holds.",
    ),
    required(
        "gco2_per_kwh",
        Float,
        "g/kWh",
        "Grams of carbon dioxide equivalent per kilowatt-hour.",
    ),
    optional(
        "method",
        Text,
        "",
        "What the figure is, as the list says: location-based, market-based, average, marginal.",
    ),
    required("file_hash", Text, "", "BLAKE3 of the file's content."),
];
