/*
title = "Error rate"
description = """
Attempts that failed, of all that reached a provider, and requests that no attempt answered. An attempt that fails
and is retried is an error of the provider and none of the request. Answers of the gateway's cache are left out:
they would make a failing provider look sound. An attempt belongs to the window in which it started. wasted is what
failed attempts cost, as far as bills and list prices tell: providers bill many failures."""
formula = "failed attempts ÷ attempts; requests whose last attempt failed ÷ requests with such an attempt"
owner = "engineering"
grain = "one group and currency of what failed attempts cost"
dimensions = ["model", "provider", "use_case", "team", "key_alias", "region", "error_class", "day"]
by = ["model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that reached a provider." },
    { name = "failed_attempts", type = "int", role = "measure", unit = "attempts", description = "Those that failed." },
    { name = "error_rate", type = "decimal", role = "ratio", description = "failed_attempts ÷ attempts." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests with such an attempt." },
    { name = "failed_requests", type = "int", role = "measure", unit = "requests", description = "Requests whose last attempt failed; by model, those whose last attempt was on it." },
    { name = "request_error_rate", type = "decimal", role = "ratio", description = "failed_requests ÷ requests." },
    { name = "wasted", type = "decimal", role = "money", description = "What the failed attempts cost, accruals included." },
]
[chart]
kind = "bar"
y = "error_rate"
[explain]
from = "attempted"
[explain.columns]
attempts = { count = "*", where = "stands", any_currency = true }
failed_attempts = { count = "*", where = "stands AND failed", any_currency = true }
wasted = { sum = "amount", where = "failed" }
error_rate = { over = ["failed_attempts", "attempts"] }
*/
WITH called AS (
    SELECT
        model, provider, use_case, team, key_alias, region, error_class, local_day(started_at) AS day,
        source AS request_source, request_id, task_id,
        fingerprint(source, request_id) AS attempt,
        status = 'failure' AS failed,
        status = 'failure' AND NOT superseded AS given_up,
        -- A request with one attempt stands for itself.
        CASE WHEN attempts > 1 THEN fingerprint(task_id, request) END AS request
    FROM calls
    WHERE NOT gateway_cache_hit AND started_at >= $from AND started_at < $to
),
-- Of most attempts, which answered, only the currency counts, and that is the one that is asked for. first: in its currency.
paid AS (
    SELECT
        attempt, shown, rate, amount,
        coalesce(lag(attempt) OVER in_order <> attempt OR lag(shown) OVER in_order <> shown, true) AS first
    FROM attempt_costs
    WHERE started_at >= $from AND started_at < $to AND (evidence = 'billed' OR setting('basis') <> 'billed')
        AND (
            wasted
            OR NOT alone
            OR shown <> CASE
                WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency')
            END
        )
    WINDOW in_order AS (PARTITION BY attempt % 8 ORDER BY attempt, shown, rate)
),
attempted AS (
    SELECT
        c.model, c.provider, c.use_case, c.team, c.key_alias, c.region, c.error_class, c.day,
        c.request_source, c.request_id, c.task_id, c.request, c.failed, c.given_up,
        coalesce(
            p.shown,
            CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
        ) AS shown,
        coalesce(p.first, true) AS stands,
        coalesce(p.rate, 1) AS rate,
        p.amount
    FROM paid AS p
    RIGHT JOIN called AS c ON p.attempt = c.attempt
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        count(*) FILTER (WHERE stands) AS attempts,
        count(*) FILTER (WHERE stands AND failed) AS failed_attempts,
        count(*) FILTER (WHERE stands AND request IS NULL) + count(DISTINCT request) AS requests,
        count(*) FILTER (WHERE stands AND given_up) AS failed_requests,
        COALESCE(sum_product(amount, rate) FILTER (WHERE failed), 0) AS wasted
    FROM attempted
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    attempts,
    failed_attempts,
    ratio(failed_attempts, attempts) AS error_rate,
    requests,
    failed_requests,
    ratio(failed_requests, requests) AS request_error_rate,
    wasted
FROM summed
ORDER BY {{by}}, currency
