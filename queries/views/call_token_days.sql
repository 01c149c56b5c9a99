/* Tokens of the attempts at model APIs, by day of the reporting zone: those that somebody else bills, so without what the
gateway's cache answered and what runs on our own GPUs. log: of the gateway's records. started_at: of the day's first attempt
of its kind.

kept: changes are looked for in months of days.
months: started_at of attempts
*/
SELECT
    min(started_at) AS started_at,
    local_day(started_at) AS day,
    source AS log,
    provider,
    model,
    use_case,
    key_alias,
    list_currency,
    sum(uncached_input) AS uncached_input,
    sum(cache_read) AS cache_read,
    sum(cache_write) AS cache_write,
    sum(output) AS output
FROM calls
WHERE NOT gateway_cache_hit AND NOT coalesce(self_hosted, false)
GROUP BY local_day(started_at), source, provider, model, use_case, key_alias, list_currency
