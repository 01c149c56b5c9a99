use super::{Column, TableSchema, Ty::*, optional, required};

/// The journal of schedules and mailed reports: what is due, who is at it, how it ended. A run is claimed here
/// before it starts and marked here before its mail leaves, so that no mail goes twice.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "schedule_runs",
    grain: "one run of a schedule, or one report that was mailed by hand",
    columns: COLUMNS,
    partition_by: &["month"],
    key: &["run_id"],
    sort_by: &["due", "schedule"],
};

static COLUMNS: &[Column] = &[
    required(
        "run_id",
        Text,
        "",
        "Hash over schedule and due moment; by hand over report, window, recipients and day.",
    ),
    required(
        "schedule",
        Text,
        "",
        "Name of the schedule, or 'report NAME' for one that was mailed by hand.",
    ),
    required("report", Text, "", "Report that is made."),
    required("due", Instant, "", "When it was to run."),
    required("month", Text, "", "UTC month of due, written 2026-10."),
    optional(
        "window_from",
        Instant,
        "",
        "First instant of the window that the report is about.",
    ),
    optional("window_to", Instant, "", "End of that window, exclusive."),
    required(
        "state",
        Text,
        "",
        "begun, running, waiting, sending, sent, partly, failed, unknown or skipped.",
    ),
    required("attempts", Int, "tries", "How often it was tried."),
    optional(
        "message",
        Text,
        "",
        "What happened, in words, without credentials.",
    ),
    optional(
        "message_id",
        Text,
        "",
        "Message-ID of its mail, the same in every attempt.",
    ),
    optional("holder", Text, "", "Process that has claimed it."),
    optional(
        "claimed_until",
        Instant,
        "",
        "After this moment another process may take an unfinished run over.",
    ),
    optional(
        "again_at",
        Instant,
        "",
        "When a waiting or failed run is looked at again; NULL for never.",
    ),
    optional("started", Instant, "", "When the latest attempt started."),
    optional("finished", Instant, "", "When it ended."),
];
