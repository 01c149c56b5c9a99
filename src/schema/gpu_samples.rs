use super::{Column, TableSchema, Ty::*, optional, required};

/// One reading of one device (or MIG instance). Readings of one moment that arrive from several
/// files or scrape jobs are one row: the larger value, any owner before none.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "gpu_samples",
    grain: "one device or MIG instance at one moment",
    columns: COLUMNS,
    partition_by: &["day"],
    key: &["gpu_uuid", "mig_instance", "sampled_at"],
    sort_by: &["gpu_uuid", "mig_instance", "sampled_at"],
};

static COLUMNS: &[Column] = &[
    required("sampled_at", Instant, "", "When the reading was taken."),
    required("day", Date, "", "UTC day of sampled_at."),
    required(
        "source",
        Text,
        "",
        "Name under which the telemetry was delivered; its scrape interval is configured under this name.",
    ),
    optional(
        "host",
        Text,
        "",
        "Hostname label, else instance without its port.",
    ),
    required("gpu_uuid", Text, "", "Device UUID."),
    required(
        "mig_instance",
        Text,
        "",
        "MIG GPU instance id; empty for a whole device.",
    ),
    optional("mig_profile", Text, "", "MIG profile such as 1g.10gb."),
    optional("gpu_index", Text, "", "Index of the device on its host."),
    optional("gpu_model", Text, "", "Model name as the driver reports it."),
    optional("namespace", Text, "", "Kubernetes namespace of the owner."),
    optional(
        "owner",
        Text,
        "",
        "Who holds the device: exported_pod where the scrape job has it, else pod, else hpc_job.",
    ),
    optional(
        "owners",
        Tags,
        "",
        "All who hold the device at once, as namespace/owner, and the fraction each was granted, empty where no label says so; NULL for one owner alone.",
    ),
    optional("sm_active", Float, "ratio", "DCGM_FI_PROF_SM_ACTIVE, 0 to 1."),
    optional(
        "gr_engine_active",
        Float,
        "ratio",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE, 0 to 1.",
    ),
    optional(
        "gpu_util",
        Float,
        "percent",
        "DCGM_FI_DEV_GPU_UTIL, 0 to 100: a kernel ran.",
    ),
    optional("fb_used_mib", Float, "MiB", "DCGM_FI_DEV_FB_USED."),
    optional("power_w", Float, "W", "DCGM_FI_DEV_POWER_USAGE."),
    optional(
        "energy_mj",
        Float,
        "mJ",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION: a counter, reset when the driver reloads.",
    ),
    required("file_hash", Text, "", "BLAKE3 of the file's content."),
];
