-- Percentiles of what a task costs at list price, per use case, from facts, by nearest rank.
-- The price book with the end of each row, and the list cost of every attempt. A bucket without tokens costs nothing.
WITH priced AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until
    FROM prices
),
-- Ids become numbers before anything is joined, and a use case one of 18 digits, also that of none. The time of an attempt and this
-- number are one number: the smallest is the first attempt's.
facts AS (
    SELECT
        *,
        fingerprint(task_id) AS task,
        CASE WHEN use_case IS NOT NULL THEN fingerprint(use_case) % 1000000000000000000 END AS number
    FROM requests
),
aliases AS (
    SELECT alias, fingerprint(use_case) % 1000000000000000000 AS number FROM use_case_aliases WHERE kind = 'key'
),
attempts AS (
    SELECT
        r.task,
        r.model,
        r.uncached_input + r.cache_write + r.output AS weighing_tokens,
        CAST(CAST(r.started_at AS BIGINT) AS DECIMAL(38, 0)) * 1000000000000000000
        + coalesce(r.number, a.number, fingerprint(NULL) % 1000000000000000000) AS first,
        CASE
            WHEN r.gateway_cache_hit THEN 0
            WHEN p.model IS NOT NULL THEN token_cost(
                NULL,
                r.uncached_input, p.input_cost_per_token,
                r.cache_read, p.cache_read_input_token_cost,
                r.cache_write, p.cache_creation_input_token_cost,
                r.output, p.output_cost_per_token
            )
        END AS list_cost
    FROM facts AS r
    LEFT JOIN aliases AS a ON a.alias = r.key_alias
    LEFT JOIN priced AS p
        ON p.provider = r.provider AND p.model = r.model
        AND r.started_at >= p.valid_from AND (p.valid_until IS NULL OR r.started_at < p.valid_until)
),
tasks AS (
    SELECT
        a.task,
        min(a.first) % 1000000000000000000 AS number,
        coalesce(sum(a.list_cost), 0) AS cost
    FROM attempts AS a
    LEFT JOIN models AS m ON m.model = a.model AND m.self_hosted
    GROUP BY a.task
    HAVING count(*) FILTER (WHERE a.list_cost IS NULL AND (m.model IS NULL OR a.weighing_tokens > 0)) = 0
),
names AS (
    SELECT use_case, fingerprint(use_case) % 1000000000000000000 AS number
    FROM (SELECT use_case FROM requests UNION SELECT use_case FROM use_case_aliases)
),
spread AS (
    SELECT
        number,
        count(*) AS tasks,
        sum(cost) AS cost,
        nearest_ranks(cost, 50, 90, 95, 99) AS ranks,
        max(cost) AS max
    FROM tasks
    GROUP BY number
)
SELECT
    n.use_case, s.tasks, s.cost, s.ranks[1] AS p50, s.ranks[2] AS p90, s.ranks[3] AS p95, s.ranks[4] AS p99, s.max
FROM spread AS s
LEFT JOIN names AS n ON n.number = s.number
ORDER BY n.use_case
