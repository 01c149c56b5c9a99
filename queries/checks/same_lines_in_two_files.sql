/*
title = "Two exports of one bill delivered together"
description = """
Two files of one delivery of which at least half of the smaller one's lines stand in the other, too: the same account,
time, resource and amount. Azure's actual and amortised exports are such files, and so is an export that was downloaded
twice in two versions. Every one of these lines counts twice. Lines without an amount are left out."""
tier = "strict"
severity = "warning"
advice = "Deliver one of the two files alone: it replaces the period."
needs_rows = "charges"
*/
WITH lines AS (
    SELECT
        source,
        billing_month,
        billing_currency,
        min(file_hash) AS first_file,
        max(file_hash) AS last_file,
        max(billed_cost) AS billed_cost
    FROM charges
    WHERE billed_cost <> 0
    GROUP BY
        source, provider, billing_account_id, sub_account_id, billing_month, charge_period_start, charge_period_end,
        charge_category, charge_description, service_name, sku_id, sku_meter, resource_id, billing_currency,
        billed_cost
    HAVING count(DISTINCT file_hash) > 1
),

sizes AS (
    SELECT source, billing_month, file_hash, count(*) AS lines
    FROM charges
    WHERE billed_cost <> 0
    GROUP BY source, billing_month, file_hash
)

SELECT
    l.source,
    l.billing_month,
    substr(l.first_file, 1, 12) AS first_file,
    substr(l.last_file, 1, 12) AS last_file,
    l.billing_currency AS currency,
    count(*) AS lines,
    sum(l.billed_cost) AS billed_cost
FROM lines AS l
INNER JOIN sizes AS f
    ON l.source = f.source AND l.billing_month = f.billing_month AND l.first_file = f.file_hash
INNER JOIN sizes AS g
    ON l.source = g.source AND l.billing_month = g.billing_month AND l.last_file = g.file_hash
GROUP BY l.source, l.billing_month, l.first_file, l.last_file, l.billing_currency
HAVING 2 * count(*) >= least(max(f.lines), max(g.lines))
ORDER BY l.source, l.billing_month, first_file, last_file, currency
