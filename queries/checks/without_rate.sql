/*
title = "Charges without a currency rate"
description = """
Amounts that cannot be shown in the reporting currency stay in their own. They are in every total of their
currency and in none of the reporting currency."""
tier = "always"
severity = "warning"
advice = "spendscope fx import FILE with rates of these currencies from these days on."
needs_rows = "charges"
*/
SELECT currency, count(*) AS charges, sum(amount) AS amount, min(charge_period_start) AS first, max(charge_period_start) AS last
FROM costs
WHERE fx_rate IS NULL AND setting('currency') <> 'native'
GROUP BY currency
ORDER BY currency
