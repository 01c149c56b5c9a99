-- Labels from both of their formats to one Parquet file. Not timed.
COPY (
    SELECT task_id, use_case, success, recorded_at
    FROM read_json({jsonl}, format = 'newline_delimited', columns = {
        task_id: 'VARCHAR', use_case: 'VARCHAR', success: 'BOOLEAN', value: 'DECIMAL(38,18)', recorded_at: 'TIMESTAMP'
    })
    UNION ALL
    SELECT task_id, use_case, success, recorded_at
    FROM read_csv({csv}, header = true, columns = {
        'task_id': 'VARCHAR', 'use_case': 'VARCHAR', 'success': 'BOOLEAN', 'value': 'DECIMAL(38,18)',
        'recorded_at': 'TIMESTAMP'
    })
) TO '{out}' (FORMAT parquet, COMPRESSION zstd);
