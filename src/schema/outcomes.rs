use super::{Column, TableSchema, Ty::*, optional, required};

/// One label of one task. Labels may be corrected: the newest recorded_at wins.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "outcomes",
    grain: "one label of one task",
    columns: COLUMNS,
    partition_by: &[],
    key: &["task_id", "recorded_at"],
    sort_by: &["recorded_at", "task_id"],
};

static COLUMNS: &[Column] = &[
    required(
        "task_id",
        Text,
        "",
        "The task, as the gateway's session or trace id names it.",
    ),
    optional(
        "use_case",
        Text,
        "",
        "Use case the label was given for; NULL: whichever the task has.",
    ),
    required("success", Bool, "", "Did the task do what it was for."),
    optional(
        "value",
        Money,
        "reporting currency",
        "What the result was worth, where known.",
    ),
    required("recorded_at", Instant, "", "When the label was given."),
    optional("variant", Text, "", "Arm of an experiment, such as control."),
    optional(
        "scores",
        Tags,
        "",
        "Quality scores by name, as decimal text: helpfulness to 0.8.",
    ),
    required("source", Text, "", "Name under which the labels were delivered."),
    required("file_hash", Text, "", "BLAKE3 of the file's content."),
    required("file_row", Int, "line", "Line in the file, counted from 1."),
];
