/*
title = "Untagged and unallocated spend"
description = """
Money nobody can be asked about, seen from two sides. Untagged: the bill's line carries no tag at all. Unallocated:
no leaf of the line has a use case, a team or a device behind it (leaf unallocated), or the model API charge met
no request (leaf unmetered), or the request came from traffic that no use case owns (unregistered). A line may be
both, or tagged and yet unallocated, so the sides are not added to each other."""
formula = "untagged = Σ charges without tags; unallocated, unmetered, unregistered = Σ their leaves; shares ÷ amount"
owner = "finance"
grain = "one group and currency"
dimensions = ["scope", "provider", "service", "sub_account", "region", "kind"]
by = ["scope"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "amount", type = "decimal", role = "money", description = "All charges whose period starts in the window." },
    { name = "untagged", type = "decimal", role = "money", description = "Those without any tag." },
    { name = "unallocated", type = "decimal", role = "money", description = "Leaves that no rule and no telemetry explains." },
    { name = "unmetered", type = "decimal", role = "money", description = "Model API charges that no request explains." },
    { name = "unregistered", type = "decimal", role = "money", description = "Requests without a use case." },
    { name = "untagged_share", type = "decimal", role = "ratio", description = "untagged ÷ amount." },
    { name = "unallocated_share", type = "decimal", role = "ratio", description = "(unallocated + unmetered + unregistered) ÷ amount." },
]
[chart]
kind = "bar"
y = "unallocated_share"
[explain]
from = "leaves"
[explain.columns]
amount = { sum = "amount" }
untagged = { sum = "amount", where = "untagged" }
unallocated = { sum = "amount", where = "leaf = 'unallocated'" }
unmetered = { sum = "amount", where = "leaf = 'unmetered'" }
unregistered = { sum = "amount", where = "leaf = 'request' AND use_case IS NULL" }
untagged_share = { over = ["untagged", "amount"] }
*/
WITH tagged AS (
    SELECT charge_id, tags IS NULL OR cardinality(tags) = 0 AS untagged
    FROM costs
    WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to
),
leaves AS (
    SELECT
        l.scope, l.provider, l.service, l.sub_account, l.region, l.kind, l.leaf, l.use_case, l.evidence, l.modelled,
        l.charge_id, l.request_source, l.request_id, l.task_id, l.host, l.currency, l.fx_rate, l.amount,
        l.shown, l.rate, t.untagged
    FROM spend_leaves AS l
    INNER JOIN tagged AS t ON t.charge_id = l.charge_id
    WHERE l.evidence = 'billed'
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        sum_product(amount, rate) AS amount,
        COALESCE(sum_product(amount, rate) FILTER (WHERE untagged), 0) AS untagged,
        COALESCE(sum_product(amount, rate) FILTER (WHERE leaf = 'unallocated'), 0) AS unallocated,
        COALESCE(sum_product(amount, rate) FILTER (WHERE leaf = 'unmetered'), 0) AS unmetered,
        COALESCE(sum_product(amount, rate) FILTER (WHERE leaf = 'request' AND use_case IS NULL), 0) AS unregistered
    FROM leaves
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    amount,
    untagged,
    unallocated,
    unmetered,
    unregistered,
    ratio(untagged, amount) AS untagged_share,
    ratio(unallocated + unmetered + unregistered, amount) AS unallocated_share
FROM summed
ORDER BY {{by}}, currency
