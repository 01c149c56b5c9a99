/*
title = "GPU pools below their objective"
description = """
Objectives of the configuration ([[gpu_slo]]) that their pool missed over their own window of days, up to the last hour
that has paid device time: what comes late does not hide what was. Device time without telemetry counts as idle."""
tier = "on_request"
severity = "warning"
advice = "`spendscope metric run gpu/slo_attainment` has the error budget, `gpu/slo_moves` what to buy instead. In a schedule: `check gpu_slo_missed --fail-on warning` exits with 3."
needs_rows = "gpu_hours"
*/
WITH hours AS (
    SELECT s.slo, s.pool, s.min_utilization, s.window_days, g.hour, g.provisioned_s, g.active_s, g.dark_s
    FROM gpu_slo AS s
    INNER JOIN gpu_slo_hosts AS m ON m.slo = s.slo
    INNER JOIN gpu_hours AS g ON g.host = m.host AND g.hour < now_utc()
    WHERE g.provisioned_s > 0
),
marked AS (
    SELECT
        slo, pool, min_utilization, window_days, provisioned_s, active_s, dark_s,
        CAST(max(hour) OVER (PARTITION BY slo) AS BIGINT) - CAST(hour AS BIGINT) < window_days * 86400000000 AS within
    FROM hours
),
sums AS (
    SELECT
        slo, pool, min_utilization, window_days,
        sum(provisioned_s) AS provisioned_s, sum(active_s) AS active_s, sum(dark_s) AS dark_s
    FROM marked
    WHERE within
    GROUP BY slo, pool, min_utilization, window_days
)
SELECT
    slo, pool, window_days, min_utilization AS target, active_s / NULLIF(provisioned_s, 0) AS utilization,
    dark_s / NULLIF(provisioned_s, 0) AS dark_share
FROM sums
WHERE active_s < min_utilization * provisioned_s
ORDER BY slo
