/* The price book with the end of every row: a row holds from valid_from until the next one of the same
provider and model. Providers have the names of the registry. Where two lists price one model from one
moment on, the list whose name sorts first holds.

money: input_cost_per_token, output_cost_per_token, cache_read_input_token_cost, cache_creation_input_token_cost in currency
*/
WITH named AS (
    SELECT
        coalesce(n.provider, p.provider) AS provider,
        p.model,
        p.valid_from,
        p.currency,
        p.input_cost_per_token,
        p.output_cost_per_token,
        p.cache_read_input_token_cost,
        p.cache_creation_input_token_cost,
        row_number() OVER (
            PARTITION BY coalesce(n.provider, p.provider), p.model, p.valid_from ORDER BY p.source, p.provider
        ) AS place
    FROM prices AS p
    LEFT JOIN provider_names AS n ON n.logged = p.provider
)

SELECT
    provider,
    model,
    valid_from,
    lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until,
    currency,
    input_cost_per_token,
    output_cost_per_token,
    cache_read_input_token_cost,
    cache_creation_input_token_cost
FROM named
WHERE place = 1
