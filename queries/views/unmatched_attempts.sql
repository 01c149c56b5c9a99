/* The attempts of unmatched_facts, and what they cost.

kept: every report ends with them, and few attempts are among them.
months: at of leaves

money: amount in currency
*/
WITH called AS (
    SELECT
        k.source, k.request_id, k.provider, k.model, k.team, k.key_alias, k.use_case, k.started_at, k.gateway_cache_hit,
        p.provider IS NULL AS no_provider,
        u.use_case IS NULL AS no_entry
    FROM calls AS k
    LEFT JOIN providers AS p ON p.provider = k.provider
    LEFT JOIN use_cases AS u ON u.use_case = k.use_case
    WHERE p.provider IS NULL OR u.use_case IS NULL
),

costed AS (
    SELECT
        k.provider, k.model, k.team, k.key_alias, k.use_case, k.started_at, k.gateway_cache_hit, k.no_provider, k.no_entry,
        l.currency, l.fx_rate, sum(l.amount) AS amount
    FROM called AS k
    LEFT JOIN (SELECT * FROM request_leaves WHERE evidence = 'billed' OR setting('basis') <> 'billed') AS l
        ON l.request_source = k.source AND l.request_id = k.request_id
    GROUP BY
        k.source, k.request_id, k.provider, k.model, k.team, k.key_alias, k.use_case, k.started_at, k.gateway_cache_hit,
        k.no_provider, k.no_entry, l.currency, l.fx_rate
)

SELECT
    'unpriced_model' AS what,
    concat(provider, '/', coalesce(model, '(no model)')) AS name,
    'spendscope prices import FILE with this provider and model, from the first day on' AS fix,
    started_at AS at,
    CAST(NULL AS VARCHAR) AS currency,
    CAST(NULL AS DECIMAL(38, 18)) AS fx_rate,
    CAST(NULL AS DECIMAL(38, 18)) AS amount,
    CAST(NULL AS VARCHAR) AS charge_id
FROM calls
WHERE price_status = 'unpriced'
UNION ALL
SELECT
    'unknown_provider',
    concat(provider, ' (gateway)'),
    concat('[providers.NAME] gateway_names = ["', provider, '"]'),
    started_at, currency, fx_rate, amount, NULL
FROM costed
WHERE no_provider AND NOT gateway_cache_hit
UNION ALL
SELECT
    'unregistered_use_case',
    use_case,
    concat('[use_cases.', use_case, '] owner = …, or correct the tag'),
    started_at, currency, fx_rate, amount, NULL
FROM costed
WHERE use_case IS NOT NULL AND no_entry
UNION ALL
SELECT
    'no_use_case',
    CASE
        WHEN key_alias IS NOT NULL THEN concat('key ', key_alias)
        WHEN team IS NOT NULL THEN concat('team ', team)
        ELSE 'no key, no team'
    END,
    CASE
        WHEN key_alias IS NOT NULL THEN concat('[use_cases.NAME.aliases] keys = ["', key_alias, '"]')
        WHEN team IS NOT NULL THEN concat('[use_cases.NAME.aliases] teams = ["', team, '"]')
        ELSE 'tag requests with use_case:NAME'
    END,
    started_at, currency, fx_rate, amount, NULL
FROM costed
WHERE use_case IS NULL
