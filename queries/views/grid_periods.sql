/* Carbon intensity of each region's grid, each figure with the time in which it holds: from valid_from until the
next one of the region. Of two lists with a figure for one moment, the one whose name sorts first counts. A
region that no list has takes the undated figure of the configuration, for all time. */
WITH chosen AS (
    SELECT
        source,
        region,
        valid_from,
        gco2_per_kwh,
        row_number() OVER (PARTITION BY region, valid_from ORDER BY source) AS place
    FROM grid_intensity
)

SELECT
    region,
    source,
    valid_from,
    lead(valid_from) OVER (PARTITION BY region ORDER BY valid_from) AS valid_to,
    gco2_per_kwh
FROM chosen
WHERE place = 1
UNION ALL
SELECT
    f.region,
    'configuration' AS source,
    arrow_cast(CAST(0 AS BIGINT), 'Timestamp(Microsecond, Some("UTC"))') AS valid_from,
    arrow_cast(CAST(NULL AS BIGINT), 'Timestamp(Microsecond, Some("UTC"))') AS valid_to,
    f.gco2_per_kwh
FROM grid_factors AS f
LEFT ANTI JOIN grid_intensity AS g ON g.region = f.region
