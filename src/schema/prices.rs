use super::{Column, TableSchema, Ty::*, optional, required};

/// The price book. A row holds until the next valid_from of the same provider and model.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "prices",
    grain: "one model's prices from one moment on",
    columns: COLUMNS,
    partition_by: &[],
    key: &["source", "provider", "model", "valid_from"],
    sort_by: &["provider", "model", "valid_from"],
};

static COLUMNS: &[Column] = &[
    required(
        "source",
        Text,
        "",
        "Name of the price list; a new import replaces the rows of its source.",
    ),
    required("provider", Text, "", "Provider as the price list names it."),
    required("model", Text, "", "Model, less a leading provider and slash."),
    required(
        "valid_from",
        Instant,
        "",
        "First moment at which the price holds.",
    ),
    required(
        "currency",
        Text,
        "",
        "Currency of the prices, ISO 4217; XXX, its code for none, where a contract only takes a discount.",
    ),
    optional(
        "input_cost_per_token",
        Money,
        "currency per token",
        "Price of uncached input. NULL: unknown, never free.",
    ),
    optional(
        "output_cost_per_token",
        Money,
        "currency per token",
        "Price of output, reasoning included.",
    ),
    optional(
        "cache_read_input_token_cost",
        Money,
        "currency per token",
        "Price of input read from the prompt cache.",
    ),
    optional(
        "cache_creation_input_token_cost",
        Money,
        "currency per token",
        "Price of input written to the prompt cache.",
    ),
    optional(
        "layer",
        Text,
        "",
        "list or contract: a contract's rows lie over the list's. NULL: list.",
    ),
    optional(
        "valid_to",
        Instant,
        "",
        "End of a contract's term, exclusive. NULL: until the next row.",
    ),
    optional(
        "discount",
        Money,
        "ratio",
        "What a contract takes off the list price: 0.15 is 15 percent.",
    ),
    optional(
        "extra",
        Tags,
        "",
        "Further prices and limits of the list, under their own names.",
    ),
    required("file_hash", Text, "", "BLAKE3 of the file's content."),
];
