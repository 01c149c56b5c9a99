/* Commitments over everything that is known of them, one row per commitment and currency: what their
purchases billed, what covered usage and unused hours cost, and whether the whole term is there.

billed: Σ billed cost of purchases, and what of the covered lines was billed all the same. used, unused:
Σ effective cost of lines with that status (a fee line that is marked Unused carries what nobody used).
whole: the distinct periods of the covered and unused lines are together as long as the term that was
bought; only then used + unused can be held against billed. A corrected or refunded purchase counts with
its sign.

money: purchased, billed_as_usage, billed, used, unused in currency
*/
WITH lines AS (
    SELECT
        commitment_discount_id AS commitment, billing_currency AS currency, provider, source,
        charge_category = 'Purchase' AS purchase,
        commitment_discount_status AS status,
        arrow_cast(charge_period_start, 'Int64') AS from_us,
        arrow_cast(charge_period_end, 'Int64') AS to_us,
        billed_cost, effective_cost
    FROM charges
    WHERE commitment_discount_id IS NOT NULL
),

covered AS (
    SELECT commitment, currency, sum(to_us - from_us) AS covered_us
    FROM (
        SELECT DISTINCT commitment, currency, from_us, to_us
        FROM lines
        WHERE NOT purchase AND status IN ('Used', 'Unused')
    )
    GROUP BY commitment, currency
),

summed AS (
    SELECT
        commitment, currency,
        min(provider) AS provider,
        count(DISTINCT source) AS sources,
        min(CASE WHEN purchase THEN from_us END) AS from_us,
        max(CASE WHEN purchase THEN to_us END) AS to_us,
        coalesce(sum(CASE WHEN purchase THEN billed_cost END), 0) AS purchased,
        coalesce(sum(CASE WHEN NOT purchase THEN billed_cost END), 0) AS billed_as_usage,
        coalesce(sum(CASE WHEN status = 'Used' THEN effective_cost END), 0) AS used,
        coalesce(sum(CASE WHEN status = 'Unused' THEN effective_cost END), 0) AS unused,
        sum(CASE WHEN purchase THEN 1 ELSE 0 END) AS purchases,
        sum(CASE WHEN purchase THEN 0 ELSE 1 END) AS usage_lines
    FROM lines
    GROUP BY commitment, currency
)

SELECT
    s.commitment,
    s.currency,
    s.provider,
    s.sources,
    s.purchased,
    s.billed_as_usage,
    s.purchased + s.billed_as_usage AS billed,
    s.used,
    s.unused,
    s.purchases,
    s.usage_lines,
    arrow_cast(s.from_us, 'Timestamp(Microsecond, Some("UTC"))') AS term_start,
    arrow_cast(s.to_us, 'Timestamp(Microsecond, Some("UTC"))') AS term_end,
    coalesce(c.covered_us >= s.to_us - s.from_us, false) AS whole
FROM summed AS s
LEFT JOIN covered AS c ON c.commitment = s.commitment AND c.currency = s.currency
