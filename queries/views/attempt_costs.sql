/* What each attempt cost: attempt_leaves, added up by attempt, kind, currency and rate. Nearly all attempts have one row. All
leaves of an attempt are billed, or all are accrued: an accrual is for what no charge covers.

attempt: the number that stands for source and request_id. shown and rate: as in attempt_leaves. first: the first row of its
attempt, one of its model API's where it has some; alone: the only one. Columns that tell single leaves apart are NULL.

kept: metrics that count attempts beside their money read it, and an attempt has a leaf for each of its charges.
months: started_at of leaves

money: amount in currency
*/
-- The keys of millions of groups are few and narrow: what is shown follows from them.
WITH sums AS (
    SELECT
        attempt, api, currency, fx_rate,
        min(started_at) AS started_at, bool_or(wasted) AS wasted, bool_and(billed) AS billed, sum(amount) AS amount
    FROM (
        SELECT
            fingerprint(request_source, request_id) AS attempt, started_at, wasted, kind = 'model_api' AS api,
            evidence = 'billed' AS billed, currency, fx_rate, amount
        FROM request_leaves
    )
    GROUP BY attempt, api, currency, fx_rate
),

shown_sums AS (
    SELECT
        *,
        CASE
            WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency')
            ELSE currency
        END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM sums
)

SELECT
    attempt,
    started_at,
    wasted,
    'request' AS leaf,
    CASE WHEN api THEN 'model_api' ELSE 'gpu' END AS kind,
    CASE WHEN billed THEN 'billed' ELSE 'accrued' END AS evidence,
    CAST(NULL AS BOOLEAN) AS modelled,
    CAST(NULL AS VARCHAR) AS charge_id,
    currency,
    fx_rate,
    amount,
    shown,
    rate,
    coalesce(lag(attempt) OVER in_order <> attempt, true) AS first,
    coalesce(lag(attempt) OVER in_order <> attempt, true) AND coalesce(lead(attempt) OVER in_order <> attempt, true) AS alone
FROM shown_sums
-- In order by lots, not attempt by attempt: windows over many small partitions take longest.
WINDOW in_order AS (PARTITION BY attempt % 8 ORDER BY attempt, api DESC, shown, currency, fx_rate)
