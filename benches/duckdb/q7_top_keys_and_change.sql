-- The 50 keys that cost most at list price in a window, with the change to the window before. The reference data is one
-- month: the windows are its halves.
SELECT
    key_alias,
    coalesce(sum(list_cost) FILTER (WHERE day >= '2026-09-16'), 0) AS amount,
    coalesce(sum(list_cost) FILTER (WHERE day < '2026-09-16'), 0) AS before,
    coalesce(sum(list_cost) FILTER (WHERE day >= '2026-09-16'), 0)
    - coalesce(sum(list_cost) FILTER (WHERE day < '2026-09-16'), 0) AS change
FROM attempts
GROUP BY key_alias
ORDER BY amount DESC, key_alias
LIMIT 50;
