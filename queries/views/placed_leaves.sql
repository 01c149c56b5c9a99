/* Leaves of the ledger as spend is told by: when a leaf counts, and in which currency. The view spend_leaves adds under whose
name an accrual stands.

placed_at: a leaf of a bill stands with the moment of its charge (its start, in the days of its provider), so that a charge that reaches over the end of a
window stays whole; an accrual stands where its attempt started. Under the basis billed there are no accruals.
key_alias: of the request that carries it.
provider: who sends the bill; of an accrual, the provider by the registry. shown and rate: the currency asked for where
there is a rate, else the own one.

money: amount in currency
*/
-- Leaves of GPU charges stand in hours.
WITH nodes AS (
    SELECT charge_id, min(charge_moment(charge_period_start, charge_period_end)) AS moment
    FROM costs
    WHERE kind = 'gpu'
    GROUP BY charge_id
)

SELECT
    l.* EXCEPT (amount_converted),
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
WHERE l.evidence = 'billed' OR setting('basis') <> 'billed'
