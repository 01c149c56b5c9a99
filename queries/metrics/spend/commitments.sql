/*
title = "Commitments"
description = """
What each commitment discount (reservation, savings plan, committed use) billed in the window, how much of it was
used, and what it saved. Purchases and what they cover stand side by side and are never added. on_demand_equivalent
is the list cost of the covered usage: what it would have cost without the commitment. eligible_on_demand is the
effective cost of uncovered usage at the standard price of the services that the commitment covered in the window;
two commitments for one service share that column, so it is not to be added up. A covered line without a list cost
makes the two ratios that need it NULL; it is counted in without_list_cost."""
formula = "utilisation = used ÷ (used + unused); coverage = on-demand equivalent ÷ (on-demand equivalent + eligible on demand); effective savings rate = 1 − (used + unused) ÷ on-demand equivalent"
owner = "finance"
grain = "one commitment and currency"
key = ["commitment", "currency"]
columns = [
    { name = "commitment", type = "text", role = "dimension", description = "CommitmentDiscountId." },
    { name = "provider", type = "text", role = "dimension", description = "Who sold it." },
    { name = "currency", type = "text", role = "currency", description = "The currency of the bill; nothing is converted." },
    { name = "purchased", type = "decimal", role = "money", description = "Billed cost of its purchases." },
    { name = "used", type = "decimal", role = "money", description = "Effective cost of the usage it covered." },
    { name = "unused", type = "decimal", role = "money", description = "Effective cost of what nobody used." },
    { name = "on_demand_equivalent", type = "decimal", role = "money", description = "List cost of the usage it covered." },
    { name = "eligible_on_demand", type = "decimal", role = "money", description = "Uncovered usage of the same services at the standard price." },
    { name = "utilisation", type = "decimal", role = "ratio", description = "used ÷ (used + unused)." },
    { name = "coverage", type = "decimal", role = "ratio", description = "Share of the eligible usage that it covered, at on-demand prices." },
    { name = "effective_savings_rate", type = "decimal", role = "ratio", description = "1 − effective ÷ on-demand equivalent; negative when it cost more than it saved." },
    { name = "without_list_cost", type = "int", role = "measure", unit = "charges", description = "Covered lines without a list cost." },
]
[chart]
kind = "bar"
x = "commitment"
y = "unused"
[explain]
from = "charged"
keys = { commitment = "commitment", currency = "currency" }
column = "used"
[explain.columns]
used = { sum = "effective_cost", where = "status = 'Used'" }
unused = { sum = "effective_cost", where = "status = 'Unused'" }
*/
WITH charged AS (
    SELECT
        charge_id, commitment_discount_id AS commitment, commitment_discount_status AS status, provider, service_name,
        region_id, currency, charge_category, pricing_category, billed_cost, effective_cost, list_cost,
        coalesce(charge_category = 'Usage' AND commitment_discount_status = 'Used', false) AS covered
    FROM costs
    WHERE charge_period_start >= $from AND charge_period_start < $to
),
committed AS (
    SELECT
        commitment, currency,
        min(provider) AS provider,
        coalesce(sum(CASE WHEN charge_category = 'Purchase' THEN billed_cost END), 0) AS purchased,
        coalesce(sum(CASE WHEN status = 'Used' THEN effective_cost END), 0) AS used,
        coalesce(sum(CASE WHEN status = 'Unused' THEN effective_cost END), 0) AS unused,
        sum(CASE WHEN covered THEN list_cost END) AS listed,
        sum(CASE WHEN covered THEN 1 ELSE 0 END) AS covered_lines,
        sum(CASE WHEN covered AND list_cost IS NULL THEN 1 ELSE 0 END) AS without_list_cost
    FROM charged
    WHERE commitment IS NOT NULL
    GROUP BY commitment, currency
),
services AS (
    SELECT DISTINCT commitment, currency, provider, service_name
    FROM charged
    WHERE commitment IS NOT NULL AND covered
),
uncovered AS (
    SELECT currency, provider, service_name, sum(effective_cost) AS amount
    FROM charged
    WHERE commitment IS NULL AND charge_category = 'Usage' AND coalesce(pricing_category, 'Standard') = 'Standard'
    GROUP BY currency, provider, service_name
),
eligible AS (
    SELECT s.commitment, s.currency, sum(u.amount) AS amount
    FROM services AS s
    INNER JOIN uncovered AS u
        ON u.currency = s.currency AND u.provider = s.provider AND (u.service_name IS NOT DISTINCT FROM s.service_name)
    GROUP BY s.commitment, s.currency
),
compared AS (
    SELECT
        c.commitment, c.provider, c.currency, c.purchased, c.used, c.unused, c.without_list_cost,
        CASE WHEN c.without_list_cost = 0 THEN coalesce(c.listed, 0) END AS on_demand,
        coalesce(e.amount, 0) AS eligible
    FROM committed AS c
    LEFT JOIN eligible AS e ON e.commitment = c.commitment AND e.currency = c.currency
)
SELECT
    commitment,
    provider,
    currency,
    purchased,
    used,
    unused,
    on_demand AS on_demand_equivalent,
    eligible AS eligible_on_demand,
    ratio(used, used + unused) AS utilisation,
    ratio(on_demand, on_demand + eligible) AS coverage,
    ratio(on_demand - used - unused, on_demand) AS effective_savings_rate,
    without_list_cost
FROM compared
ORDER BY commitment, currency
