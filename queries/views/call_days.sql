/* counted_calls, added up by the days on which a request was asked and its attempts started: what rates over whole days
of the reporting zone are answered from. Requests of several attempts keep the number that tells them apart, since their
attempts may stand in several groups and they are counted once in each; lone attempts have none.

asked_at is that of the day's first request of its kind. Columns that name single attempts are NULL.

kept: most attempts stand alone, and a month of them is a few thousand rows here.
months: asked_at of attempts

money: list_cost, cache_savings in list_currency
*/
SELECT
    min(asked_at) AS asked_at,
    day,
    model,
    provider,
    use_case,
    team,
    key_alias,
    region,
    gateway_cache_hit,
    fell_back,
    failed,
    price_status,
    list_currency,
    overlap,
    min(attempts) AS attempts,
    CASE WHEN attempts > 1 THEN request END AS request,
    sum(entries) AS entries,
    sum(lone) AS lone,
    sum(uncached_input) AS uncached_input,
    sum(cache_read) AS cache_read,
    sum(cache_write) AS cache_write,
    sum(output) AS output,
    sum(reasoning) AS reasoning,
    sum(list_cost) AS list_cost,
    sum(cache_savings) AS cache_savings,
    CAST(NULL AS VARCHAR) AS request_source,
    CAST(NULL AS VARCHAR) AS request_id
FROM counted_calls
GROUP BY
    local_day(asked_at), day, model, provider, use_case, team, key_alias, region, gateway_cache_hit, fell_back, failed,
    price_status, list_currency, overlap, CASE WHEN attempts > 1 THEN request END
