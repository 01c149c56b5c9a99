-- $/query and $/successful task per use case from facts, at list cost.
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
        CASE WHEN call_id IS NOT NULL THEN fingerprint(call_id) END AS call,
        CASE WHEN use_case IS NOT NULL THEN fingerprint(use_case) % 1000000000000000000 END AS number
    FROM requests
),
aliases AS (
    SELECT alias, fingerprint(use_case) % 1000000000000000000 AS number FROM use_case_aliases WHERE kind = 'key'
),
attempts AS (
    SELECT
        r.task,
        r.call,
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
        task,
        min(first) % 1000000000000000000 AS number,
        distinct_ids(call) AS requests,
        sum(list_cost) AS cost
    FROM attempts
    GROUP BY task
),
-- The newest label of each use case that labels name, 0 where they name none, as its time and whether it is a success.
labels AS (
    SELECT
        fingerprint(task_id) AS task,
        CASE WHEN use_case IS NULL THEN 0 ELSE fingerprint(use_case) % 1000000000000000000 END AS number,
        max(CAST(recorded_at AS BIGINT) * 2 + CASE WHEN success THEN 1 ELSE 0 END) AS newest
    FROM outcomes
    GROUP BY 1, 2
),
labelled AS (
    SELECT
        t.number,
        t.requests,
        t.cost,
        greatest(o.newest, n.newest) % 2 = 1 AS success
    FROM tasks AS t
    LEFT JOIN labels AS o ON o.task = t.task AND o.number = t.number
    LEFT JOIN labels AS n ON n.task = t.task AND n.number = 0
),
names AS (
    SELECT use_case, fingerprint(use_case) % 1000000000000000000 AS number
    FROM (SELECT use_case FROM requests UNION SELECT use_case FROM use_case_aliases)
),
counted AS (
    SELECT
        number,
        CAST(sum(requests) AS BIGINT) AS requests,
        count(*) AS tasks,
        count(*) FILTER (WHERE success) AS successes,
        coalesce(sum(cost), 0) AS direct_cost
    FROM labelled
    GROUP BY number
)
SELECT
    n.use_case,
    c.requests,
    c.tasks,
    c.successes,
    c.direct_cost,
    ratio(c.direct_cost, c.requests) AS cost_per_query,
    ratio(c.direct_cost, c.successes) AS cost_per_successful_task
FROM counted AS c
LEFT JOIN names AS n ON n.number = c.number
ORDER BY n.use_case
