/* The rate of a currency pair on every day between its first and its newest rate: one row per pair and
day. From the newest rate on see fx_latest. Where two lists quote one pair for one day, a quoted rate
goes before a derived one, then the list whose name sorts first. */
WITH chosen AS (
    SELECT "from", "to", day, rate, row_number() OVER (PARTITION BY "from", "to", day ORDER BY derived, source) AS place
    FROM fx_rates
),

dated AS (
    SELECT "from", "to", day, rate, lead(day) OVER (PARTITION BY "from", "to" ORDER BY day) AS next_day
    FROM chosen
    WHERE place = 1
)

SELECT
    "from",
    "to",
    rate,
    unnest(generate_series(day, CAST(next_day - INTERVAL '1' DAY AS DATE), INTERVAL '1' DAY)) AS day
FROM dated
WHERE next_day IS NOT NULL
