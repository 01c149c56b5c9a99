/*
title = "Two prices for one moment"
description = """
Price lists that name different prices for the same provider, model and moment. The list
whose name sorts first counts, which is a rule but no reason."""
tier = "always"
severity = "warning"
advice = "Remove the model from one of the lists, or give the newer price its own valid_from."
needs_rows = "prices"
*/
SELECT
    coalesce(layer, 'list') AS layer, provider, model, valid_from, count(*) AS entries, min(source) AS first_source, max(source) AS last_source
FROM prices
GROUP BY coalesce(layer, 'list'), provider, model, valid_from
HAVING count(*) > 1 AND (
    count(DISTINCT currency) > 1
    OR count(DISTINCT discount) > 1
    OR count(DISTINCT valid_to) > 1
    OR min(input_cost_per_token) <> max(input_cost_per_token)
    OR min(output_cost_per_token) <> max(output_cost_per_token)
    OR min(cache_read_input_token_cost) <> max(cache_read_input_token_cost)
    OR min(cache_creation_input_token_cost) <> max(cache_creation_input_token_cost)
    OR (count(input_cost_per_token) > 0 AND count(input_cost_per_token) < count(*))
    OR (count(output_cost_per_token) > 0 AND count(output_cost_per_token) < count(*))
    OR (count(cache_read_input_token_cost) > 0 AND count(cache_read_input_token_cost) < count(*))
    OR (count(cache_creation_input_token_cost) > 0 AND count(cache_creation_input_token_cost) < count(*))
)
ORDER BY layer, provider, model, valid_from
