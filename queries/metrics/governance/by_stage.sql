/*
title = "Spend by stage and risk tier"
description = """
What each stage costs, and how long its use cases have been in it: a pilot that never graduates is a row with
many days and money every month. days_in_stage counts from the registry's `since` to the end of the window or
the present, whichever is earlier; of several use cases the longest. first_seen and last_seen are days of their
attempts, whenever those were. Spend is as in spend/by_use_case: leaves stand with the charge, which belongs to
the window in which its period starts, accruals where their attempt started. A use case that is in no registry
has the stage `(not registered)`; requests without a use case have the stage `(no use case)`."""
formula = "Σ request, direct and shared leaves × rate, by stage of the use case"
owner = "governance"
grain = "one group and currency"
dimensions = ["stage", "risk_tier", "owner", "use_case"]
by = ["stage", "risk_tier", "use_case"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "use_cases", type = "int", role = "measure", unit = "use cases", description = "Use cases of the group; not those that only traffic names." },
    { name = "since", type = "date", role = "time", description = "Day on which the first of them entered its stage; NULL where the registry does not say." },
    { name = "days_in_stage", type = "int", role = "measure", unit = "days", description = "Days since then; NULL where the stage is still to come." },
    { name = "first_seen", type = "date", role = "time", description = "Day of the first attempt." },
    { name = "last_seen", type = "date", role = "time", description = "Day of the last attempt." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that started in the window." },
    { name = "amount", type = "decimal", role = "money", description = "Leaves of charges." },
    { name = "accrued", type = "decimal", role = "money", description = "What no charge covers yet; none under the basis billed." },
    { name = "amount_share", type = "decimal", role = "ratio", description = "amount ÷ amount of all groups in that currency." },
]
[chart]
kind = "bar"
y = "amount"
[explain]
from = "staged"
keys = { since = "" }
[explain.columns]
use_cases = { count = "CASE WHEN listed THEN use_case END", any_currency = true }
attempts = { sum = "attempt", rate = "1", any_currency = true }
amount = { sum = "amount", where = "evidence = 'billed'" }
accrued = { sum = "amount", where = "evidence = 'accrued'" }
*/
WITH charged AS (
    SELECT charge_id FROM costs WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to
),
split AS (
    SELECT
        l.use_case, l.evidence, l.amount, l.currency, l.fx_rate, l.leaf, l.kind, l.modelled, l.charge_id,
        l.request_source, l.request_id
    FROM ledger AS l
    LEFT SEMI JOIN charged AS c ON c.charge_id = l.charge_id
    WHERE l.evidence = 'billed' AND l.leaf IN ('request', 'direct', 'shared')
    UNION ALL
    SELECT
        use_case, evidence, amount, currency, fx_rate, leaf, kind, modelled, charge_id, request_source, request_id
    FROM ledger
    WHERE evidence = 'accrued' AND setting('basis') <> 'billed' AND started_at >= $from AND started_at < $to
),
facts AS (
    SELECT
        use_case, evidence, amount, 0 AS attempt, CAST(NULL AS DATE) AS seen,
        leaf, kind, modelled, charge_id, request_source, request_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM split
    UNION ALL
    SELECT
        use_case, NULL, NULL, CASE WHEN started_at >= $from AND started_at < $to THEN 1 ELSE 0 END,
        local_day(started_at), NULL, NULL, NULL, NULL, source, request_id, NULL, NULL,
        CASE WHEN setting('currency') <> 'native' THEN setting('currency') END,
        NULL
    FROM calls
    UNION ALL
    SELECT
        use_case, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        CASE WHEN setting('currency') <> 'native' THEN setting('currency') END,
        NULL
    FROM use_cases
),
staged AS (
    SELECT
        f.use_case, f.evidence, f.amount, f.attempt, f.seen, f.shown, f.rate,
        f.leaf, f.kind, f.modelled, f.charge_id, f.request_source, f.request_id, f.currency, f.fx_rate,
        u.risk_tier, u.owner, u.since, u.listed,
        CASE
            WHEN u.listed THEN COALESCE(u.stage, '(no stage)')
            WHEN f.use_case IS NULL THEN '(no use case)'
            ELSE '(not registered)'
        END AS stage
    FROM facts AS f
    LEFT JOIN (SELECT use_case, risk_tier, owner, stage, since, true AS listed FROM use_cases) AS u
        ON u.use_case = f.use_case
),
grouped AS (
    SELECT
        {{by}},
        shown,
        count(DISTINCT CASE WHEN listed THEN staged.use_case END) AS listed_use_cases,
        min(since) AS since,
        min(seen) AS first_seen,
        max(seen) AS last_seen,
        sum(attempt) AS attempts,
        COALESCE(sum_product(CASE WHEN evidence = 'billed' THEN amount END, rate), 0) AS amount,
        COALESCE(sum_product(CASE WHEN evidence = 'accrued' THEN amount END, rate), 0) AS accrued
    FROM staged
    GROUP BY {{by}}, shown
),
spread AS (
    SELECT
        {{by}},
        shown,
        max(listed_use_cases) OVER (PARTITION BY {{by}}, 1) AS listed_use_cases,
        min(since) OVER (PARTITION BY {{by}}, 1) AS since,
        min(first_seen) OVER (PARTITION BY {{by}}, 1) AS first_seen,
        max(last_seen) OVER (PARTITION BY {{by}}, 1) AS last_seen,
        sum(attempts) OVER (PARTITION BY {{by}}, 1) AS attempts,
        count(shown) OVER (PARTITION BY {{by}}, 1) AS currencies,
        amount,
        accrued,
        sum(amount) OVER (PARTITION BY shown) AS all_amount
    FROM grouped
)
SELECT
    {{by}},
    shown AS currency,
    listed_use_cases AS use_cases,
    since,
    CASE
        WHEN since <= local_day(LEAST($to, now_utc()) - INTERVAL '1 microsecond')
            THEN CAST(local_day(LEAST($to, now_utc()) - INTERVAL '1 microsecond') AS INT) + 1 - CAST(since AS INT)
    END AS days_in_stage,
    first_seen,
    last_seen,
    attempts,
    amount,
    accrued,
    ratio(amount, all_amount) AS amount_share
FROM spread
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY {{by}}, shown
