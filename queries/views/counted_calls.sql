/* calls as rates count them. entries is 1, and lone is 1 for an attempt that is a request of its own, so that counting is
adding them up; of the others several may be one `request`, a number. failed: the request did, whichever attempt this is.
list_cost and cache_savings are those of priced attempts.

money: list_cost, cache_savings in list_currency
*/
SELECT
    asked_at,
    local_day(started_at) AS day,
    model,
    provider,
    use_case,
    team,
    key_alias,
    region,
    gateway_cache_hit,
    fell_back,
    request_failed AS failed,
    price_status,
    list_currency,
    overlap,
    attempts,
    fingerprint(task_id, request) AS request,
    1 AS entries,
    CASE WHEN attempts = 1 THEN 1 ELSE 0 END AS lone,
    uncached_input,
    cache_read,
    cache_write,
    output,
    reasoning,
    CASE WHEN price_status = 'priced' THEN list_cost END AS list_cost,
    CASE WHEN price_status = 'priced' THEN cache_savings END AS cache_savings,
    source AS request_source,
    request_id
FROM calls
