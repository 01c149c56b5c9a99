/*
title = "Charges that two models fit alike"
description = """
Charges of a model provider whose texts name two models of the registry equally long. The model stays
unresolved, and the money goes to all attempts of the pool instead of to one model's."""
tier = "always"
severity = "warning"
advice = "Make charge_match of one of the models more specific."
needs_rows = "charges"
*/
SELECT
    provider, source, sku_id, sku_meter, charge_description, currency,
    count(*) AS charges,
    sum(amount) AS amount,
    min(charge_id) AS first_charge
FROM costs
WHERE model_ambiguous
GROUP BY provider, source, sku_id, sku_meter, charge_description, currency
ORDER BY provider, source, sku_id, sku_meter, charge_description, currency
