/*
title = "Movers"
description = """
What changed against the window before, largest change first: the month before where the window is a month, else
as long a window right before it. Spend is leaves of charges and accruals, so that a late bill is no drop. Where
the group has metered requests at model APIs, the change of their cost is split: volume is what the tokens of now
would have cost at the cost per token of before, less what was spent; price is the rest of it, the token mix
included. What carries no tokens is other. The three add up to the change."""
formula = "change = now − before = volume + price + other; volume = cost before × (tokens now ÷ tokens before − 1); price = cost now − cost before × tokens now ÷ tokens before"
owner = "finance"
grain = "one group and currency"
dimensions = ["scope", "provider", "service", "model", "use_case", "team", "leaf"]
by = ["scope", "provider", "service"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "before", type = "decimal", role = "money", description = "Spend of the window before." },
    { name = "now", type = "decimal", role = "money", description = "Spend of the window." },
    { name = "change", type = "decimal", role = "money", description = "now − before." },
    { name = "change_rate", type = "decimal", role = "ratio", description = "change ÷ before; NULL where there was nothing before." },
    { name = "volume", type = "decimal", role = "money", description = "The part that the number of tokens makes." },
    { name = "price", type = "decimal", role = "money", description = "The part that the cost per token makes." },
    { name = "other", type = "decimal", role = "money", description = "The change of what has no tokens." },
    { name = "tokens_before", type = "int", role = "measure", unit = "tokens", description = "Tokens of the metered requests of the window before." },
    { name = "tokens_now", type = "int", role = "measure", unit = "tokens", description = "Those of the window." },
]
[chart]
kind = "bar"
y = "change"
[explain]
from = "leaves"
where = "NOT earlier"
[explain.columns]
now = { sum = "amount" }
tokens_now = { sum = "tokens", rate = "1" }
*/
WITH placed AS (
    SELECT
        l.use_case, l.team, l.scope, l.model, l.provider, l.service, l.leaf,
        l.kind, l.evidence, l.modelled, l.charge_id, l.request_source, l.request_id, l.task_id, l.host,
        l.currency, l.fx_rate, l.amount, l.shown, l.rate,
        l.placed_at < $from AS earlier,
        l.leaf = 'request' AND l.kind = 'model_api' AS metered,
        fingerprint(l.request_source, l.request_id) AS attempt
    FROM spend_leaves AS l
    WHERE l.placed_at < $to
        AND l.placed_at >= CASE
            WHEN $to = $from + INTERVAL '1' MONTH THEN $from - INTERVAL '1' MONTH
            ELSE $from - ($to - $from)
        END
),
called AS (
    SELECT
        fingerprint(source, request_id) AS attempt,
        uncached_input + cache_read + cache_write + output AS tokens
    FROM calls
),
-- An attempt has a leaf for each of its charges; its tokens stand in one of them, once in each group.
leaves AS (
    SELECT
        p.use_case, p.team, p.scope, p.model, p.provider, p.service, p.leaf,
        p.kind, p.evidence, p.modelled, p.charge_id, p.request_source, p.request_id, p.task_id, p.host,
        p.currency, p.fx_rate, p.amount, p.shown, p.rate, p.earlier, p.metered,
        CASE
            WHEN p.metered AND row_number() OVER (
                PARTITION BY p.attempt, p.scope, p.provider, p.service, p.shown, p.earlier
                ORDER BY p.charge_id
            ) = 1
                THEN c.tokens
            ELSE 0
        END AS tokens
    FROM placed AS p
    LEFT JOIN called AS c ON p.metered AND c.attempt = p.attempt
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        COALESCE(sum_product(amount, rate) FILTER (WHERE earlier), 0) AS before,
        COALESCE(sum_product(amount, rate) FILTER (WHERE NOT earlier), 0) AS now,
        COALESCE(sum_product(amount, rate) FILTER (WHERE earlier AND metered), 0) AS cost_before,
        COALESCE(sum_product(amount, rate) FILTER (WHERE NOT earlier AND metered), 0) AS cost_now,
        COALESCE(sum(tokens) FILTER (WHERE earlier), 0) AS tokens_before,
        COALESCE(sum(tokens) FILTER (WHERE NOT earlier), 0) AS tokens_now
    FROM leaves
    GROUP BY {{by}}, shown
),
valued AS (
    SELECT
        {{by}},
        currency, before, now, cost_before, cost_now, tokens_before, tokens_now,
        CASE
            WHEN tokens_before > 0 THEN apportion(cost_before, 0, tokens_now, tokens_before)
            ELSE cost_now
        END AS at_old_price
    FROM summed
)
SELECT
    {{by}},
    currency,
    before,
    now,
    now - before AS change,
    ratio(now - before, before) AS change_rate,
    at_old_price - cost_before AS volume,
    cost_now - at_old_price AS price,
    now - before - (cost_now - cost_before) AS other,
    tokens_before,
    tokens_now
FROM valued
ORDER BY abs(now - before) DESC, {{by}}, currency
