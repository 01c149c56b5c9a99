-- Telemetry as a long CSV to Parquet, one folder a day. The table stays long: a pivot would cost time that no query
-- here gives back.
COPY (
    SELECT *, sampled_at::DATE AS day
    FROM read_csv(
        {files},
        header = true,
        columns = {
            'sampled_at': 'TIMESTAMP', 'metric': 'VARCHAR', 'gpu': 'VARCHAR', 'uuid': 'VARCHAR',
            'gpu_model': 'VARCHAR', 'host': 'VARCHAR', 'namespace': 'VARCHAR', 'owner': 'VARCHAR', 'value': 'DOUBLE'
        }
    )
) TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day));
