-- Gateway logs (LiteLLM's JSON lines; .gz and .zst alike) to Parquet, one folder a day.
-- spend is read as text and then as a decimal: read_json takes a number through floating point even where the column is
-- declared a decimal, and the month's sum is no longer that of the log.
-- Typed columns, only those that are needed; what hides in the JSON text `metadata` is taken in one pass.
COPY (
    WITH lines AS (
        SELECT
            *,
            json_extract_string(metadata, [
                '$.user_api_key_alias',
                '$.usage_object.prompt_tokens_details.cached_tokens',
                '$.usage_object.cache_read_input_tokens',
                '$.usage_object.prompt_tokens_details.cache_creation_tokens',
                '$.usage_object.cache_creation_input_tokens',
                '$.usage_object.completion_tokens_details.reasoning_tokens',
                '$.error_information.error_class'
            ]) AS told,
            lower(cache_hit) = 'true' AS hit
        FROM read_json(
            {files},
            format = 'newline_delimited',
            maximum_object_size = 16777216,
            columns = {
                request_id: 'VARCHAR', call_type: 'VARCHAR', api_key: 'VARCHAR', spend: 'VARCHAR',
                prompt_tokens: 'BIGINT', completion_tokens: 'BIGINT', startTime: 'TIMESTAMP', endTime: 'TIMESTAMP',
                completionStartTime: 'TIMESTAMP', model: 'VARCHAR', model_group: 'VARCHAR',
                custom_llm_provider: 'VARCHAR', api_base: 'VARCHAR', "user": 'VARCHAR', metadata: 'VARCHAR',
                cache_hit: 'VARCHAR', request_tags: 'VARCHAR', team_id: 'VARCHAR', session_id: 'VARCHAR',
                status: 'VARCHAR', litellm_call_id: 'VARCHAR'
            }
        )
    ),
    counted AS (
        SELECT
            *,
            coalesce(nullif(told[2]::BIGINT, 0), told[3]::BIGINT, 0) AS read,
            coalesce(nullif(told[4]::BIGINT, 0), told[5]::BIGINT, 0) AS written
        FROM lines
    )
    SELECT
        request_id,
        coalesce(nullif(session_id, ''), request_id) AS task_id,
        litellm_call_id AS call_id,
        call_type,
        startTime AS started_at,
        endTime AS ended_at,
        custom_llm_provider AS provider,
        CASE
            WHEN starts_with(model, custom_llm_provider || '/') THEN substr(model, length(custom_llm_provider) + 2)
            ELSE model
        END AS model,
        model_group,
        api_base,
        CASE WHEN hit THEN 0 ELSE greatest(prompt_tokens - read - written, 0) END AS uncached_input,
        CASE WHEN hit THEN 0 ELSE read END AS cache_read,
        CASE WHEN hit THEN 0 ELSE written END AS cache_write,
        CASE WHEN hit THEN 0 ELSE completion_tokens END AS output,
        CASE WHEN hit THEN 0 ELSE coalesce(told[6]::BIGINT, 0) END AS reasoning,
        spend::DECIMAL(38,18) AS gateway_cost,
        hit AS gateway_cache_hit,
        coalesce(status, 'success') AS status,
        told[7] AS error_class,
        nullif(regexp_extract(request_tags, '"use_case:([^"]+)"', 1), '') AS use_case,
        told[1] AS key_alias,
        team_id AS team,
        api_key AS api_key_hash,
        "user" AS user_hash,
        epoch_us(endTime) / 1000 - epoch_us(startTime) / 1000 AS latency_ms,
        epoch_us(completionStartTime) / 1000 - epoch_us(startTime) / 1000 AS ttft_ms,
        request_tags AS tags,
        startTime::DATE AS day
    FROM counted
) TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day));
