/* Tokens that the gateway saw go to providers that bill by use: one row per provider, model, UTC day of the
attempt's start, class of tokens and currency of the price book.

model: '' for models that are in no registry entry, as in the pools of charges. priced_tokens and list_cost
are those of priced attempts only; attempts without a price have tokens and no cost, and stand with the
reporting currency. Answers of the gateway's own cache, self-hosted models and whatever else is not billed by use
are not here.

money: list_cost in currency
*/
WITH summed AS (
    SELECT
        coalesce(provider, '') AS provider,
        CASE WHEN registered THEN model ELSE '' END AS model,
        CAST(started_at AS DATE) AS day,
        coalesce(list_currency, setting('reporting_currency')) AS currency,
        sum(uncached_input) AS uncached_input,
        sum(cache_read) AS cache_read,
        sum(cache_write) AS cache_write,
        sum(output) AS output,
        sum(uncached_input) FILTER (WHERE price_status = 'priced') AS priced_uncached_input,
        sum(cache_read) FILTER (WHERE price_status = 'priced') AS priced_cache_read,
        sum(cache_write) FILTER (WHERE price_status = 'priced') AS priced_cache_write,
        sum(output) FILTER (WHERE price_status = 'priced') AS priced_output,
        sum(uncached_cost) FILTER (WHERE price_status = 'priced') AS uncached_cost,
        sum(read_cost) FILTER (WHERE price_status = 'priced') AS read_cost,
        sum(write_cost) FILTER (WHERE price_status = 'priced') AS write_cost,
        sum(output_cost) FILTER (WHERE price_status = 'priced') AS output_cost
    FROM calls
    WHERE price_status IN ('priced', 'unpriced')
    GROUP BY coalesce(provider, ''), CASE WHEN registered THEN model ELSE '' END, CAST(started_at AS DATE),
        coalesce(list_currency, setting('reporting_currency'))
),

classed AS (
    SELECT
        provider,
        model,
        day,
        currency,
        unnest(['uncached_input', 'cache_read', 'cache_write', 'output']) AS class,
        unnest([uncached_input, cache_read, cache_write, output]) AS tokens,
        unnest([priced_uncached_input, priced_cache_read, priced_cache_write, priced_output]) AS priced_tokens,
        unnest(
            [
                CAST(uncached_cost AS DECIMAL(38, 18)),
                CAST(read_cost AS DECIMAL(38, 18)),
                CAST(write_cost AS DECIMAL(38, 18)),
                CAST(output_cost AS DECIMAL(38, 18))
            ]
        ) AS list_cost
    FROM summed
)

SELECT
    provider,
    model,
    day,
    currency,
    class,
    CAST(tokens AS DECIMAL(38, 18)) AS tokens,
    CAST(coalesce(priced_tokens, 0) AS DECIMAL(38, 18)) AS priced_tokens,
    coalesce(list_cost, 0) AS list_cost
FROM classed
WHERE tokens <> 0 OR list_cost <> 0
