/* The charges and the telemetry of unmatched_facts.

kept: every report ends with them, and most lines of a bill have nothing wrong.
months: at of charges

money: amount in currency
*/
-- What a line of a bill calls its product.
WITH named AS (
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
    'unknown_sku' AS what,
    concat(provider, ': ', sku) AS name,
    CASE
        WHEN model_ambiguous THEN 'make charge_match of one of the two [models] more specific'
        ELSE concat('[models.NAME] provider = ''', provider_id, ''', charge_match = a regular expression for this SKU')
    END AS fix,
    charge_moment(charge_period_start, charge_period_end) AS at,
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
FROM gpu_nodes AS n
RIGHT ANTI JOIN gpu_samples AS s ON n.host = s.host
