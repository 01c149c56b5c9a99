/*
title = "Provisioned throughput without a charge"
description = """
Attempts that a rule [[provisioned]] takes for paid by the hour, while no charge that the rule claims was there at
their start: they cost nothing at list, and nothing else pays for them. The last days of an open month are here
until their bill arrives."""
tier = "strict"
severity = "warning"
advice = "Look at charge_match of the rule: spendscope sql -c \"SELECT * FROM provisioned_rules\"; or ingest the bill."
needs_rows = "requests"
*/
SELECT
    a.provisioned_rule AS rule, a.provider, a.model, count(*) AS attempts,
    min(a.started_at) AS first, max(a.started_at) AS last
FROM calls AS a
LEFT ANTI JOIN (
    SELECT provisioned_rule, charge_period_start, charge_period_end
    FROM costs
    WHERE kind = 'model_api' AND provisioned_rule IS NOT NULL
) AS p
    ON p.provisioned_rule = a.provisioned_rule
    AND p.charge_period_start <= a.started_at
    AND a.started_at < p.charge_period_end
WHERE a.price_status = 'provisioned'
GROUP BY a.provisioned_rule, a.provider, a.model
ORDER BY a.provisioned_rule, a.provider, a.model
