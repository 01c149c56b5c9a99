/*
title = "Energy per 1,000 requests"
description = """
Measured energy of the devices that serve a model, idle time included, over the requests it served. Three
boundaries, told by the column: the accelerator as measured; the node (× the registry's host_factor); the
facility (× PUE too). Devices that nothing measured are counted, not estimated: with them the true figure is
higher. The window is cut at full hours, for energy and requests alike: an hour belongs to the window in which
it starts, and a request to the hour in which it was asked."""
formula = "Σ joules ÷ 3600 × factors ÷ (requests ÷ 1000)"
owner = "platform"
grain = "one self-hosted model"
dimensions = ["model"]
by = ["model"]
columns = [
    { name = "joules", type = "float", role = "measure", unit = "J", description = "At the accelerator; NULL when nothing was measured." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests with a self-hosted attempt on the model." },
    { name = "wh_per_1k_requests_accelerator", type = "float", role = "measure", unit = "Wh per 1k requests", description = "Boundary: the accelerators." },
    { name = "wh_per_1k_requests_node", type = "float", role = "measure", unit = "Wh per 1k requests", description = "Boundary: the hosts." },
    { name = "wh_per_1k_requests_facility", type = "float", role = "measure", unit = "Wh per 1k requests", description = "Boundary: the building." },
    { name = "devices_by_counter", type = "int", role = "measure", unit = "devices", description = "Devices measured by their energy counter." },
    { name = "devices_by_power", type = "int", role = "measure", unit = "devices", description = "Devices measured by integrating power." },
    { name = "devices_without", type = "int", role = "measure", unit = "devices", description = "Devices that nothing measured." },
]
rows = { each = "self_hosted_requests", sums = "self_hosted_request_hours" }
[chart]
kind = "bar"
y = "wh_per_1k_requests_facility"
[explain]
from = "measured"
column = "wh_per_1k_requests_facility"
[explain.columns]
joules = { sum = "joules" }
requests = { count = "request", from = "parts" }
wh_per_1k_requests_accelerator = { over = ["joules", "requests"], times = "measured(1) / 3.6" }
wh_per_1k_requests_node = { over = ["joules", "requests"], times = "(SELECT host_factor FROM energy_factors) / 3.6" }
wh_per_1k_requests_facility = { over = ["joules", "requests"], times = "(SELECT host_factor * pue FROM energy_factors) / 3.6" }
*/
WITH measured AS (
    SELECT model, host, hour, gpu_uuid, joules, method
    FROM gpu_energy
    WHERE hour >= $from AND hour < $to AND model IS NOT NULL
),
devices AS (
    SELECT
        model, host, gpu_uuid,
        sum(joules) AS joules,
        max(CASE method WHEN 'counter' THEN 2 WHEN 'power' THEN 1 ELSE 0 END) AS method
    FROM measured
    GROUP BY model, host, gpu_uuid
),
-- A node has as many devices as the registry says, whether telemetry knows them or not.
nodes AS (
    SELECT d.model, d.host, sum(n.gpus) AS gpus
    FROM (SELECT DISTINCT model, host FROM devices) AS d
    INNER JOIN gpu_nodes AS n ON n.host = d.host
    GROUP BY d.model, d.host
),
asked AS (
    SELECT hour, model, request, lone
    FROM {{rows}}
),
parts AS (
    SELECT
        model, joules, NULL AS request, 0 AS lone,
        CASE WHEN method = 2 THEN 1 ELSE 0 END AS by_counter,
        CASE WHEN method = 1 THEN 1 ELSE 0 END AS by_power,
        CASE WHEN method > 0 THEN -1 ELSE 0 END AS without_any
    FROM devices
    UNION ALL
    SELECT model, NULL, NULL, 0, 0, 0, gpus
    FROM nodes
    UNION ALL
    SELECT model, NULL, request, lone, 0, 0, 0
    FROM asked
    WHERE hour >= $from AND hour < $to
),
grouped AS (
    SELECT
        {{by}},
        sum(joules) AS joules,
        count(DISTINCT request) + sum(lone) AS requests,
        sum(by_counter) AS devices_by_counter,
        sum(by_power) AS devices_by_power,
        sum(without_any) AS devices_without
    FROM parts
    GROUP BY {{by}}, true
)
SELECT
    {{by}},
    joules,
    requests,
    joules / 3.6 / NULLIF(requests, 0) AS wh_per_1k_requests_accelerator,
    joules / 3.6 / NULLIF(requests, 0) * f.host_factor AS wh_per_1k_requests_node,
    joules / 3.6 / NULLIF(requests, 0) * f.host_factor * f.pue AS wh_per_1k_requests_facility,
    devices_by_counter,
    devices_by_power,
    devices_without
FROM grouped
CROSS JOIN energy_factors AS f
ORDER BY {{by}}, joules DESC
