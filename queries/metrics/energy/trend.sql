/*
title = "Energy and carbon per day"
description = """
Measured energy of the GPU nodes day by day, idle time included, at three boundaries told by the column, with the
carbon of the facility's energy and the requests that were served. Device-hours that nothing measured are
counted, not estimated: on a day that has them the true figures are higher. Days are of the reporting time zone;
hours are taken whole."""
formula = "Σ millijoules ÷ 3.6e9 × factors; facility kWh × g/kWh"
owner = "platform"
grain = "one group and day"
dimensions = ["model", "day"]
by = ["day"]
columns = [
    { name = "kwh_accelerator", type = "float", role = "measure", unit = "kWh", description = "Boundary: the accelerators; NULL when nothing was measured." },
    { name = "kwh_node", type = "float", role = "measure", unit = "kWh", description = "Boundary: the hosts." },
    { name = "kwh_facility", type = "float", role = "measure", unit = "kWh", description = "Boundary: the building." },
    { name = "kgco2e_facility", type = "float", role = "measure", unit = "kg CO2e", description = "Boundary: the building; NULL when no intensity is known." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests with a self-hosted attempt." },
    { name = "wh_per_1k_requests_facility", type = "float", role = "measure", unit = "Wh per 1k requests", description = "Boundary: the building." },
    { name = "device_hours_without", type = "int", role = "measure", unit = "device-hours", description = "Hours of devices that nothing measured." },
]
rows = { each = "self_hosted_requests", sums = "self_hosted_request_hours" }
[chart]
kind = "line"
y = "kwh_facility"
[explain]
from = "energy"
[explain.columns]
kwh_accelerator = { sum = "accelerator / 3600000000" }
kwh_node = { sum = "node / 3600000000" }
kwh_facility = { sum = "facility / 3600000000" }
kgco2e_facility = { sum = "gco2 / 3600000000 / 1000" }
*/
WITH asked AS (
    SELECT hour, model, request, lone
    FROM {{rows}}
),
energy AS (
    SELECT
        s.model,
        s.host,
        s.state,
        local_day(s.hour) AS day,
        measured(s.energy_mj) AS accelerator,
        measured(s.energy_mj) * f.host_factor AS node,
        measured(s.energy_mj) * f.host_factor * f.pue AS facility,
        measured(s.energy_mj) * f.host_factor * f.pue * s.gco2_per_kwh AS gco2
    FROM energy_states AS s
    CROSS JOIN energy_factors AS f
    WHERE s.hour >= $from AND s.hour < $to
),
parts AS (
    SELECT model, day, accelerator, node, facility, gco2, NULL AS request, 0 AS lone, 0 AS without_any
    FROM energy
    UNION ALL
    SELECT model, local_day(hour), NULL, NULL, NULL, NULL, NULL, 0, devices
    FROM gpu_energy
    WHERE hour >= $from AND hour < $to AND method = 'none'
    UNION ALL
    SELECT model, local_day(hour), NULL, NULL, NULL, NULL, request, lone, 0
    FROM asked
    WHERE hour >= $from AND hour < $to
),
grouped AS (
    SELECT
        {{by}},
        sum(accelerator) AS accelerator,
        sum(node) AS node,
        sum(facility) AS facility,
        sum(gco2) AS gco2,
        count(DISTINCT request) + sum(lone) AS requests,
        sum(without_any) AS device_hours_without
    FROM parts
    GROUP BY {{by}}, true
)
SELECT
    {{by}},
    accelerator / 3600000000 AS kwh_accelerator,
    node / 3600000000 AS kwh_node,
    facility / 3600000000 AS kwh_facility,
    gco2 / 3600000000 / 1000 AS kgco2e_facility,
    requests,
    facility / 3600 / NULLIF(requests, 0) AS wh_per_1k_requests_facility,
    device_hours_without
FROM grouped
ORDER BY {{by}}, kwh_facility DESC
