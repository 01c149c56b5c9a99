/* Facts that something of the configuration or the price book should speak of and does not: one row per fact
and thing that is missing. Nothing of it is left out of a total; it stands where a reader would not look.

what: unpriced_model (attempts without a price; no amount, since nothing is known), unknown_sku (charges with
token units that name no model of the registry, or two alike), unknown_token_class (charges with token units
that do not say which tokens), unknown_provider (charges and attempts of a provider outside the registry),
unregistered_use_case (a tag that no [use_cases] entry bears), no_use_case (neither tag nor alias), no_amount,
no_rate (the amount stays in its own currency), unknown_host (telemetry of a host that is no gpu_nodes row),
rejected_row. name: which model, SKU, provider … fix: the command or the line of the configuration that mends
it. at: when it happened; NULL where a fact has no time of its own, such as a row that could not be read.

money: amount in currency
*/
SELECT what, name, fix, at, currency, fx_rate, amount, charge_id FROM unmatched_attempts
UNION ALL
SELECT what, name, fix, at, currency, fx_rate, amount, charge_id FROM unmatched_lines
UNION ALL
SELECT
    'rejected_row',
    path,
    'mend the rows and ingest the file again: spendscope sql -c "SELECT line, column_name, value, reason FROM rejects"',
    NULL, NULL, NULL, NULL, NULL
FROM rejects
