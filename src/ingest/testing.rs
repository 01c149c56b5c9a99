//! Rows from literals, for the tests of this module.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::record::rows_of;
use crate::schema::TableSchema;
use arrow::array::RecordBatch;
use serde_json::{Value, json};

pub(super) fn table(name: &str) -> &'static TableSchema {
    TableSchema::named(name).unwrap()
}

pub(super) fn outcome(task: &str, success: bool, at: &str, file: &str) -> Value {
    json!({"task_id": task, "success": success, "recorded_at": at, "source": "labels", "file_hash": file, "file_row": 1})
}

pub(super) fn outcomes(rows: &[Value]) -> RecordBatch {
    rows_of(table("outcomes"), rows).unwrap()
}

pub(super) fn request(id: &str, at: &str, output: i64, status: &str, file: &str) -> Value {
    json!({
        "source": "gw", "request_id": id, "day": &at[..10], "started_at": at, "task_id": "t",
        "uncached_input": 10, "cache_read": 0, "cache_write": 0, "output": output, "reasoning": 0,
        "overlap": false, "gateway_cache_hit": false, "status": status, "file_hash": file, "file_row": 1,
    })
}

pub(super) fn requests(rows: &[Value]) -> RecordBatch {
    rows_of(table("requests"), rows).unwrap()
}

pub(super) fn sample(gpu: &str, at: &str, extra: &[(&str, Value)], file: &str) -> Value {
    let mut row = json!({
        "sampled_at": at, "day": &at[..10], "source": "dcgm", "gpu_uuid": gpu, "mig_instance": "", "file_hash": file,
    });
    for (name, value) in extra {
        row[*name] = value.clone();
    }
    row
}

pub(super) fn samples(rows: &[Value]) -> RecordBatch {
    rows_of(table("gpu_samples"), rows).unwrap()
}
