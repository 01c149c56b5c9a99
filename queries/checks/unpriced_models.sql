/*
title = "Models without a price"
description = """
Attempts that cost something and that no price covers: the model is in no price list of that moment, or one of its
buckets with tokens has no price. Their list cost is missing, not 0: they weigh nothing beside priced ones, and
nothing is accrued for them."""
tier = "strict"
severity = "warning"
advice = "spendscope prices import FILE with a row for the model, from the first day on, and a price for what it lacks."
needs_rows = "requests"
*/
SELECT
    provider, model, price_lacks AS lacks, count(*) AS attempts, min(started_at) AS first, max(started_at) AS last
FROM calls
WHERE price_status = 'unpriced'
GROUP BY provider, model, price_lacks
ORDER BY attempts DESC, provider, model, lacks
