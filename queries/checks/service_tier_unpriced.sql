/*
title = "Service tiers without a price"
description = """
Attempts in a service tier that the price book has no price for, or whose word nobody knows. The standard price
stands in, which is too much for a slow lane and too little for a fast one."""
tier = "strict"
severity = "warning"
advice = """
Import a price list with the tier's own keys (input_cost_per_token_TIER, …), or add the word to
queries/views/service_tiers.sql in a folder of your own (--queries)."""
needs_rows = "requests"
*/
SELECT
    provider, model, service_tier, list_currency AS currency,
    count(*) AS attempts,
    sum(list_cost) AS list_cost
FROM calls
WHERE tier_unpriced
GROUP BY provider, model, service_tier, list_currency
ORDER BY attempts DESC, provider, model, service_tier, list_currency
