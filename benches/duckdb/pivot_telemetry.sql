-- The long table of readings as a wide one, a row per device and moment, one folder a day: what query 6 reads. Not timed, in
-- DuckDB's favour: its ingest is timed as far as the long table only.
COPY (
    SELECT
        sampled_at,
        host,
        uuid,
        any_value(namespace) AS namespace,
        any_value(owner) AS owner,
        max(value) FILTER (WHERE metric = 'DCGM_FI_PROF_SM_ACTIVE' AND NOT isnan(value)) AS sm_active,
        max(value) FILTER (WHERE metric = 'DCGM_FI_DEV_GPU_UTIL' AND NOT isnan(value)) AS gpu_util,
        max(value) FILTER (WHERE metric = 'DCGM_FI_DEV_POWER_USAGE' AND NOT isnan(value)) AS power_w,
        max(value) FILTER (WHERE metric = 'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION' AND value < 9.2e18) AS energy_mj,
        day
    FROM read_parquet('{long}/*/*.parquet', hive_partitioning = true)
    GROUP BY sampled_at, host, uuid, day
) TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day));
