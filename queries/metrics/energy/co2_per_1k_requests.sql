/*
title = "Carbon per 1,000 requests"
description = """
Carbon that the grid gave off for the devices that serve a model, idle time included, over the requests it served.
Boundary: the facility (measured energy × host_factor × PUE, once). The intensity is the one that held for the
node's region in that hour: dated lists first, then the configuration. Energy without a known intensity is
counted beside it and not reckoned as 0, and so are devices that nothing measured: with either the true
figure is higher. Hours are taken whole; a request belongs to the hour in which it was asked."""
formula = "Σ facility kWh × g/kWh ÷ (requests ÷ 1000)"
owner = "platform"
grain = "one self-hosted model"
dimensions = ["model"]
by = ["model"]
columns = [
    { name = "kgco2e_facility", type = "float", role = "measure", unit = "kg CO2e", description = "NULL when no intensity is known for any of it." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests with a self-hosted attempt on the model." },
    { name = "gco2e_per_1k_requests_facility", type = "float", role = "measure", unit = "g CO2e per 1k requests", description = "NULL without carbon or requests." },
    { name = "kwh_facility", type = "float", role = "measure", unit = "kWh", description = "The facility's energy; NULL when nothing was measured." },
    { name = "kwh_without_intensity", type = "float", role = "measure", unit = "kWh", description = "The part of it without a known intensity." },
    { name = "device_hours_without", type = "int", role = "measure", unit = "device-hours", description = "Hours of devices that nothing measured." },
]
rows = { each = "self_hosted_requests", sums = "self_hosted_request_hours" }
[chart]
kind = "bar"
y = "gco2e_per_1k_requests_facility"
[explain]
from = "parts"
[explain.columns]
kgco2e_facility = { sum = "gco2 / 3600000000 / 1000" }
requests = { count = "request" }
gco2e_per_1k_requests_facility = { over = ["kgco2e_facility", "requests"], times = "1000000" }
kwh_facility = { sum = "facility / 3600000000" }
*/
WITH asked AS (
    SELECT hour, model, request, lone
    FROM {{rows}}
),
parts AS (
    SELECT
        s.model,
        measured(s.energy_mj) * f.host_factor * f.pue AS facility,
        CASE WHEN s.gco2_per_kwh IS NULL THEN measured(s.energy_mj) * f.host_factor * f.pue ELSE measured(0) END AS unknown,
        measured(s.energy_mj) * f.host_factor * f.pue * s.gco2_per_kwh AS gco2,
        NULL AS request,
        0 AS lone,
        0 AS without_any
    FROM energy_states AS s
    CROSS JOIN energy_factors AS f
    WHERE s.hour >= $from AND s.hour < $to AND s.model IS NOT NULL
    UNION ALL
    SELECT model, NULL, NULL, NULL, NULL, 0, devices
    FROM gpu_energy
    WHERE hour >= $from AND hour < $to AND method = 'none' AND model IS NOT NULL
    UNION ALL
    SELECT model, NULL, NULL, NULL, request, lone, 0
    FROM asked
    WHERE hour >= $from AND hour < $to
),
grouped AS (
    SELECT
        {{by}},
        sum(gco2) AS gco2,
        sum(facility) AS facility,
        sum(unknown) AS unknown,
        count(DISTINCT request) + sum(lone) AS requests,
        sum(without_any) AS device_hours_without
    FROM parts
    GROUP BY {{by}}, true
)
SELECT
    {{by}},
    gco2 / 3600000000 / 1000 AS kgco2e_facility,
    requests,
    gco2 / 3600000000 / NULLIF(requests, 0) * 1000 AS gco2e_per_1k_requests_facility,
    facility / 3600000000 AS kwh_facility,
    unknown / 3600000000 AS kwh_without_intensity,
    device_hours_without
FROM grouped
ORDER BY {{by}}, kgco2e_facility DESC
