-- The 50 keys that cost most at list price in the month's second half, with the change to its first.
-- Prices are linear in tokens: tokens are added up first, by all that their price depends on, and priced then. Between two
-- changes of the price book a model has one price. A bucket with tokens and no price makes the cost of its attempt unknown, so
-- attempts are told apart by the buckets that they have tokens in.
WITH priced AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until
    FROM prices
),
changes AS (SELECT DISTINCT valid_from AS at FROM prices),
epochs AS (
    SELECT at AS since, lead(at) OVER (ORDER BY at) AS until FROM changes
    UNION ALL
    SELECT NULL AS since, min(at) AS until FROM changes
),
tokens AS (
    SELECT
        r.key_alias, r.provider, r.model, r.gateway_cache_hit,
        r.day >= DATE '2026-09-16' AS later,
        e.since,
        CASE WHEN r.uncached_input = 0 THEN 0 ELSE 1 END + CASE WHEN r.cache_read = 0 THEN 0 ELSE 2 END
        + CASE WHEN r.cache_write = 0 THEN 0 ELSE 4 END + CASE WHEN r.output = 0 THEN 0 ELSE 8 END AS buckets,
        sum(r.uncached_input) AS uncached_input,
        sum(r.cache_read) AS cache_read,
        sum(r.cache_write) AS cache_write,
        sum(r.output) AS output
    FROM epochs AS e
    INNER JOIN requests AS r
        ON (e.since IS NULL OR r.started_at >= e.since) AND (e.until IS NULL OR r.started_at < e.until)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
listed AS (
    SELECT
        t.key_alias,
        t.later,
        CASE
            WHEN t.gateway_cache_hit THEN 0
            WHEN p.model IS NOT NULL THEN token_cost(
                NULL,
                t.uncached_input, p.input_cost_per_token,
                t.cache_read, p.cache_read_input_token_cost,
                t.cache_write, p.cache_creation_input_token_cost,
                t.output, p.output_cost_per_token
            )
        END AS list_cost
    FROM tokens AS t
    LEFT JOIN priced AS p
        ON p.provider = t.provider AND p.model = t.model
        AND t.since >= p.valid_from AND (p.valid_until IS NULL OR t.since < p.valid_until)
)
SELECT
    key_alias,
    coalesce(sum(list_cost) FILTER (WHERE later), 0) AS amount,
    coalesce(sum(list_cost) FILTER (WHERE NOT later), 0) AS before,
    coalesce(sum(list_cost) FILTER (WHERE later), 0)
    - coalesce(sum(list_cost) FILTER (WHERE NOT later), 0) AS change
FROM listed
GROUP BY key_alias
ORDER BY amount DESC, key_alias
LIMIT 50
