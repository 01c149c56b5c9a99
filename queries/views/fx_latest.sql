/* The newest rate of a currency pair, which holds from its day on: one row per pair. */
WITH chosen AS (
    SELECT
        "from",
        "to",
        day,
        rate,
        row_number() OVER (PARTITION BY "from", "to" ORDER BY day DESC, derived, source) AS place
    FROM fx_rates
)

SELECT "from", "to", day AS since, rate
FROM chosen
WHERE place = 1
