/* Facts that something of the configuration or the price book should speak of and does not: one row per fact
and thing that is missing. Nothing of it is left out of a total; it stands where a reader would not look.

what: unpriced_model (attempts without a price; no amount, since nothing is known), unknown_sku (charges with
token units that name no model of the registry, or two alike), unknown_token_class (charges with token units
that do not say which tokens), unknown_provider (charges and attempts of a provider outside the registry),
unregistered_use_case (a tag that no [use_cases] entry bears), no_use_case (neither tag nor alias), no_amount,
no_rate (the amount stays in its own currency), unknown_host (telemetry of a host that is no gpu_nodes row),
rejected_row. name: which model, SKU, provider … fix: the command or the line of the configuration that mends
it. at: when it happened; NULL where a fact has no time of its own, such as a row that could not be read.

kept: every report ends with it.

money: amount in currency
*/
WITH by_request AS (
    SELECT request_source, request_id, currency, fx_rate, sum(amount) AS amount
    FROM request_leaves
    WHERE evidence = 'billed' OR setting('basis') <> 'billed'
    GROUP BY request_source, request_id, currency, fx_rate
),

called AS (
    SELECT
        k.provider,
        k.model,
        k.team,
        k.key_alias,
        k.use_case,
        k.price_status,
        k.gateway_cache_hit,
        k.started_at,
        r.currency,
        r.fx_rate,
        r.amount,
        p.provider IS NULL AS no_provider,
        u.use_case IS NULL AS no_entry
    FROM calls AS k
    LEFT JOIN by_request AS r ON r.request_source = k.source AND r.request_id = k.request_id
    LEFT JOIN providers AS p ON p.provider = k.provider
    LEFT JOIN use_cases AS u ON u.use_case = k.use_case
),

-- What a line of a bill calls its product.
named AS (
    SELECT
        charge_id,
        provider,
        provider_id,
        source,
        billing_month,
        kind,
        model,
        model_ambiguous,
        token_units,
        coalesce(sku_meter, sku_id, resource_name, charge_description, service_name, 'no name') AS sku,
        charge_period_start,
        charge_period_end,
        amount,
        currency,
        fx_rate
    FROM costs
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
    'unknown_sku',
    concat(provider, ': ', sku),
    CASE
        WHEN model_ambiguous THEN 'make charge_match of one of the two [models] more specific'
        ELSE concat('[models.NAME] provider = ''', provider_id, ''', charge_match = a regular expression for this SKU')
    END,
    charge_moment(charge_period_start, charge_period_end),
    currency, fx_rate, amount, charge_id
FROM named
WHERE kind = 'model_api' AND provider_id IS NOT NULL AND model IS NULL AND (token_units OR model_ambiguous)
UNION ALL
SELECT
    'unknown_token_class',
    concat(n.provider, ': ', n.sku),
    'ask the provider for SkuPriceDetails or a SkuMeter that says input, output or cache; all classes share it',
    charge_moment(n.charge_period_start, n.charge_period_end),
    n.currency, n.fx_rate, n.amount, n.charge_id
FROM named AS n
INNER JOIN token_charges AS t ON t.charge_id = n.charge_id
WHERE n.token_units AND t.of_uncached AND t.of_read AND t.of_write AND t.of_output
UNION ALL
SELECT
    'unknown_provider',
    concat(provider, ' (bill)'),
    concat('[providers.NAME] charge_match = "provider = ''', provider, '''"'),
    charge_moment(charge_period_start, charge_period_end),
    currency, fx_rate, amount, charge_id
FROM named
WHERE kind = 'model_api' AND provider_id IS NULL
UNION ALL
SELECT
    'unknown_provider',
    concat(provider, ' (gateway)'),
    concat('[providers.NAME] gateway_names = ["', provider, '"]'),
    started_at, currency, fx_rate, amount, NULL
FROM called
WHERE no_provider AND NOT gateway_cache_hit
UNION ALL
SELECT
    'unregistered_use_case',
    use_case,
    concat('[use_cases.', use_case, '] owner = …, or correct the tag'),
    started_at, currency, fx_rate, amount, NULL
FROM called
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
FROM called
WHERE use_case IS NULL
UNION ALL
SELECT
    'no_amount',
    concat(source, ' ', billing_month),
    concat('choose another --basis than ', setting('basis'), ', or ask the provider for the column'),
    charge_moment(charge_period_start, charge_period_end),
    currency, NULL, NULL, charge_id
FROM named
WHERE amount IS NULL
UNION ALL
SELECT
    'no_rate',
    concat(currency, ' into ', setting('currency')),
    concat('spendscope fx import FILE with ', currency, ' to ', setting('currency'), ' from the first day on'),
    charge_moment(charge_period_start, charge_period_end),
    currency, NULL, amount, charge_id
FROM named
WHERE fx_rate IS NULL AND amount IS NOT NULL AND setting('currency') <> 'native'
UNION ALL
SELECT
    'unknown_host',
    s.host,
    concat('[[gpu_nodes]] host = "', s.host, '", resource_id = the ResourceId of its charge'),
    s.sampled_at, NULL, NULL, NULL, NULL
FROM gpu_samples AS s
LEFT ANTI JOIN gpu_nodes AS n ON n.host = s.host
UNION ALL
SELECT
    'rejected_row',
    path,
    'mend the rows and ingest the file again: spendscope sql -c "SELECT line, column_name, value, reason FROM rejects"',
    NULL, NULL, NULL, NULL, NULL
FROM rejects
