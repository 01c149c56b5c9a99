/*
title = "Energy, carbon and money by leaf"
description = """
One table from the same leaves: what the devices' time cost, the energy it took and the carbon the grid gave off for
it, by who got it. Idle stands as leaves of its own. Energy at three boundaries, told by the column: the
accelerator as measured; the node (× host_factor); the facility (× PUE too, once), which is what the carbon is
reckoned for. Hours are taken whole, each in the window in which it starts. Energy and carbon stand in the
row of the reporting currency; money without a rate has a row without them. What nothing measured is NULL, not 0;
kwh_without_intensity is the facility's energy for which no grid intensity is known, of which the carbon says
nothing."""
formula = "Σ leaves: amount × rate; millijoules ÷ 3.6e9 × factors; facility kWh × g/kWh"
owner = "platform"
grain = "one group and currency"
dimensions = ["leaf", "model", "use_case", "team", "host", "region", "day"]
by = ["leaf", "model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "cost", type = "decimal", role = "money", description = "Charges of GPU nodes; NULL where only energy is known." },
    { name = "kwh_accelerator", type = "float", role = "measure", unit = "kWh", description = "Boundary: the accelerators." },
    { name = "kwh_node", type = "float", role = "measure", unit = "kWh", description = "Boundary: the hosts." },
    { name = "kwh_facility", type = "float", role = "measure", unit = "kWh", description = "Boundary: the building." },
    { name = "kgco2e_facility", type = "float", role = "measure", unit = "kg CO2e", description = "Boundary: the building." },
    { name = "kwh_without_intensity", type = "float", role = "measure", unit = "kWh", description = "Facility energy that no grid intensity is known for." },
]
[chart]
kind = "bar"
y = "kwh_facility"
[explain]
from = "parts"
[explain.columns]
cost = { sum = "amount" }
kwh_accelerator = { sum = "measured(accelerator_mj) / 3600000000" }
kwh_node = { sum = "measured(node_mj) / 3600000000" }
kwh_facility = { sum = "measured(facility_mj) / 3600000000" }
kgco2e_facility = { sum = "gco2 / 1000" }
*/
WITH parts AS (
    SELECT
        leaf, model, use_case, team, host, region, local_day(period_start) AS day, amount,
        charge_id, request_source, request_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate,
        CAST(NULL AS DECIMAL(38, 18)) AS accelerator_mj,
        CAST(NULL AS DECIMAL(38, 18)) AS node_mj,
        CAST(NULL AS DECIMAL(38, 18)) AS facility_mj,
        measured(NULL) AS gco2
    FROM gpu_leaves
    WHERE period_start >= $from AND period_start < $to
    UNION ALL
    SELECT
        leaf, model, use_case, team, host, region, local_day(hour) AS day, NULL,
        NULL, request_source, request_id, NULL, NULL,
        NULLIF(setting('currency'), 'native'),
        1,
        accelerator_mj,
        node_mj,
        facility_mj,
        gco2
    FROM energy_leaves
    WHERE hour >= $from AND hour < $to
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum_product(amount, rate) AS cost,
        measured(sum(accelerator_mj)) AS accelerator,
        measured(sum(node_mj)) AS node,
        measured(sum(facility_mj)) AS facility,
        sum(gco2) AS gco2,
        measured(sum(CASE WHEN gco2 IS NULL THEN facility_mj END)) AS unknown
    FROM parts
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    shown AS currency,
    cost,
    accelerator / 3600000000 AS kwh_accelerator,
    node / 3600000000 AS kwh_node,
    facility / 3600000000 AS kwh_facility,
    gco2 / 1000 AS kgco2e_facility,
    unknown / 3600000000 AS kwh_without_intensity
FROM grouped
ORDER BY {{by}}, shown
