/* query_parts, added up by days of the reporting zone: what the cost per query over whole days is answered from. owned_at: of
the first attempt or own leaf of a row. Columns that tell single attempts and leaves apart are NULL.

kept: a few thousand rows a month, however many attempts there are.
months: owned_at of leaves

money: amount in currency
*/
SELECT
    min(owned_at) AS owned_at,
    anchor,
    min(task_started_at) AS task_started_at,
    min(placed_at) AS placed_at,
    use_case, team, key_alias, region,
    sum(request) AS request,
    sum(attempt) AS attempt,
    sum(uncosted) AS uncosted,
    leaf, kind, evidence, modelled,
    CAST(NULL AS VARCHAR) AS charge_id,
    CAST(NULL AS VARCHAR) AS request_source,
    CAST(NULL AS VARCHAR) AS request_id,
    currency, fx_rate,
    sum(amount) AS amount,
    shown, rate
FROM query_parts
GROUP BY
    local_day(owned_at), local_day(task_started_at), local_day(placed_at), anchor, use_case, team, key_alias, region, leaf, kind, evidence, modelled,
    currency, fx_rate, shown, rate
