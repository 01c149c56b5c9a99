/* Leaves of the ledger as spend is told by: when a leaf counts, in which currency, and under whose name.

placed_at: a leaf of a bill stands with the moment of its charge (its start, in the days of its provider), so that a charge that reaches over the end of a
window stays whole; an accrual stands where its attempt started. Under the basis billed there are no accruals.
key_alias: of the request that carries it.
provider: who sends the bill; an accrual takes the name under which its provider's model charges come, where
some have come. shown and rate: the currency asked for where there is a rate, else the own one.

money: amount in currency
*/
WITH billers AS (
    SELECT provider_id, min(provider) AS biller
    FROM costs
    WHERE kind = 'model_api' AND provider_id IS NOT NULL
    GROUP BY provider_id
),

-- Leaves of GPU charges stand in hours.
nodes AS (
    SELECT charge_id, min(charge_moment(charge_period_start, charge_period_end)) AS moment
    FROM costs
    WHERE kind = 'gpu'
    GROUP BY charge_id
)

SELECT
    l.* EXCEPT (provider, amount_converted),
    CASE WHEN l.evidence = 'accrued' THEN coalesce(b.biller, l.provider) ELSE l.provider END AS provider,
    CASE
        WHEN l.evidence = 'accrued' THEN l.started_at
        WHEN l.kind = 'gpu' THEN n.moment
        ELSE charge_moment(l.period_start, l.period_end)
    END AS placed_at,
    CASE
        WHEN setting('currency') <> 'native' AND l.fx_rate IS NOT NULL THEN setting('currency')
        ELSE l.currency
    END AS shown,
    CASE WHEN setting('currency') = 'native' OR l.fx_rate IS NULL THEN 1 ELSE l.fx_rate END AS rate
FROM ledger AS l
LEFT JOIN nodes AS n ON n.charge_id = l.charge_id
LEFT JOIN billers AS b ON b.provider_id = l.provider
WHERE l.evidence = 'billed' OR setting('basis') <> 'billed'
