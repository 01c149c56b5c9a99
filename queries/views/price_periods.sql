/* The price book with the end of every row: a row holds until the next one of the same layer, provider and
model, or until its own valid_to, whichever comes first.

Providers have the names of the registry. Where two lists price one model from one moment on, the list whose
name sorts first holds. Of the layer list, only the rows of setting('price_book') count where one is set; a
contract lies over any book. Under setting('price_moment') only what holds at that moment is left, and it holds
for ever. price_id tells the rows apart. factors: what regions and tiers multiply its rates by.

kept: price_rates reads it from several sides.

money: input_cost_per_token, output_cost_per_token, cache_read_input_token_cost, cache_creation_input_token_cost in currency
*/
WITH named AS (
    SELECT
        coalesce(p.layer, 'list') AS layer,
        coalesce(n.provider, p.provider) AS provider,
        p.model,
        p.valid_from,
        p.valid_to,
        p.currency,
        p.discount,
        p.source,
        p.file_hash,
        p.input_cost_per_token,
        p.output_cost_per_token,
        p.cache_read_input_token_cost,
        p.cache_creation_input_token_cost,
        p.extra,
        coalesce(p.extra['threshold_inclusive'] = 'true', h.threshold_inclusive, false) AS threshold_inclusive,
        row_number() OVER (
            PARTITION BY coalesce(p.layer, 'list'), coalesce(n.provider, p.provider), p.model, p.valid_from
            ORDER BY p.source, p.provider
        ) AS place
    FROM prices AS p
    LEFT JOIN provider_names AS n ON n.logged = p.provider
    LEFT JOIN price_habits AS h ON h.provider = p.provider
    WHERE p.layer = 'contract' OR setting('price_book') = '' OR p.source = setting('price_book')
),

dated AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY layer, provider, model ORDER BY valid_from) AS next_from
    FROM named
    WHERE place = 1
),

ended AS (
    SELECT
        *,
        CASE WHEN valid_to < next_from OR next_from IS NULL THEN valid_to ELSE next_from END AS valid_until,
        arrow_cast(nullif(setting('price_moment'), ''), 'Timestamp(Microsecond, Some("UTC"))') AS moment
    FROM dated
)

SELECT
    row_number() OVER (ORDER BY layer, provider, model, valid_from) AS price_id,
    layer,
    provider,
    model,
    CASE WHEN moment IS NULL THEN valid_from ELSE arrow_cast('1900-01-01T00:00:00Z', 'Timestamp(Microsecond, Some("UTC"))') END AS valid_from,
    CASE WHEN moment IS NULL THEN valid_until END AS valid_until,
    currency,
    discount,
    source,
    file_hash,
    threshold_inclusive,
    input_cost_per_token,
    output_cost_per_token,
    cache_read_input_token_cost,
    cache_creation_input_token_cost,
    extra,
    price_factors(extra) AS factors
FROM ended
WHERE moment IS NULL OR (valid_from <= moment AND (valid_until IS NULL OR moment < valid_until))
