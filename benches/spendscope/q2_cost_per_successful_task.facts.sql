-- $/query and $/successful task per use case from facts, at list cost.
-- The price book with the end of each row, and the list cost of every attempt. A bucket without tokens costs nothing.
WITH priced AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until
    FROM prices
),
attempts AS (
    SELECT
        r.task_id, r.call_id, r.provider, r.model, r.day, r.started_at, r.key_alias, r.gateway_cache_hit,
        r.uncached_input + r.cache_write + r.output AS weighing_tokens,
        coalesce(r.use_case, a.use_case) AS use_case,
        CASE
            WHEN r.gateway_cache_hit THEN 0
            ELSE
                CASE WHEN r.uncached_input = 0 AND p.model IS NOT NULL THEN 0 ELSE r.uncached_input * p.input_cost_per_token END
                + CASE WHEN r.cache_read = 0 THEN 0 ELSE r.cache_read * p.cache_read_input_token_cost END
                + CASE WHEN r.cache_write = 0 THEN 0 ELSE r.cache_write * p.cache_creation_input_token_cost END
                + CASE WHEN r.output = 0 THEN 0 ELSE r.output * p.output_cost_per_token END
        END AS list_cost
    FROM requests AS r
    LEFT JOIN use_case_aliases AS a ON a.kind = 'key' AND a.alias = r.key_alias
    LEFT JOIN priced AS p
        ON p.provider = r.provider AND p.model = r.model
        AND r.started_at >= p.valid_from AND (p.valid_until IS NULL OR r.started_at < p.valid_until)
),
-- Requests first, then tasks: count(DISTINCT …) beside other aggregates keeps a set for every group. The use case of the
-- first attempt stands behind its time, in microseconds of 16 digits, so that the smallest text is the first.
asked AS (
    SELECT
        task_id,
        call_id,
        min(concat(CAST(CAST(started_at AS BIGINT) AS VARCHAR), use_case)) AS first,
        sum(list_cost) AS cost
    FROM attempts
    GROUP BY task_id, call_id
),
tasks AS (
    SELECT
        task_id,
        nullif(substr(min(first), 17), '') AS use_case,
        count(*) AS requests,
        sum(cost) AS cost
    FROM asked
    GROUP BY task_id
),
-- The newest label of each use case that labels name, as its time and whether it is a success; a plan reads `tasks` as often
-- as it is named, so it is named once.
labels AS (
    SELECT task_id, use_case, max(CAST(recorded_at AS BIGINT) * 2 + CASE WHEN success THEN 1 ELSE 0 END) AS newest
    FROM outcomes
    GROUP BY task_id, use_case
),
labelled AS (
    SELECT
        t.use_case,
        t.requests,
        t.cost,
        greatest(o.newest, n.newest) % 2 = 1 AS success
    FROM tasks AS t
    LEFT JOIN labels AS o ON o.task_id = t.task_id AND o.use_case = t.use_case
    LEFT JOIN labels AS n ON n.task_id = t.task_id AND n.use_case IS NULL
)
SELECT
    use_case,
    CAST(sum(requests) AS BIGINT) AS requests,
    count(*) AS tasks,
    count(*) FILTER (WHERE success) AS successes,
    coalesce(sum(cost), 0) AS direct_cost,
    ratio(coalesce(sum(cost), 0), sum(requests)) AS cost_per_query,
    ratio(coalesce(sum(cost), 0), count(*) FILTER (WHERE success)) AS cost_per_successful_task
FROM labelled
GROUP BY use_case
ORDER BY use_case
