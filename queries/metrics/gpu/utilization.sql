/*
title = "GPU utilisation"
description = """
How much of the device time that is paid for does something. Time without telemetry counts as provisioned;
two charges for one hour of a node provision it once. Owned, unowned and dark time are told apart: they call
for different remedies. Hours are taken whole: an hour belongs to the window in which it starts. Activity is
SM_ACTIVE, else GR_ENGINE_ACTIVE, else GPU_UTIL."""
formula = "Σ activity × device-seconds ÷ Σ provisioned device-seconds"
owner = "platform"
grain = "one group"
dimensions = ["host", "model", "purchase", "gpu_model", "resource_id", "day"]
by = ["host", "model"]
columns = [
    { name = "provisioned_s", type = "float", role = "measure", unit = "device-seconds", description = "Device time that charges pay for." },
    { name = "serving_s", type = "float", role = "measure", unit = "device-seconds", description = "An owner, and activity of 5 % or more." },
    { name = "allocated_idle_s", type = "float", role = "measure", unit = "device-seconds", description = "An owner, doing nothing." },
    { name = "unallocated_s", type = "float", role = "measure", unit = "device-seconds", description = "Telemetry, and no owner." },
    { name = "dark_s", type = "float", role = "measure", unit = "device-seconds", description = "Paid for, and no telemetry." },
    { name = "active_s", type = "float", role = "measure", unit = "device-seconds", description = "Activity × device time." },
    { name = "utilization", type = "float", role = "ratio", description = "active_s ÷ provisioned_s; NULL when nothing is provisioned." },
]
[chart]
kind = "bar"
y = "utilization"
[explain]
from = "hours"
[explain.columns]
provisioned_s = { sum = "provisioned_s" }
serving_s = { sum = "serving_s" }
allocated_idle_s = { sum = "allocated_idle_s" }
unallocated_s = { sum = "unallocated_s" }
dark_s = { sum = "dark_s" }
active_s = { sum = "active_s" }
utilization = { over = ["active_s", "provisioned_s"] }
*/
WITH hours AS (
    SELECT
        host, model, purchase, gpu_model, resource_id, hour, local_day(hour) AS day,
        provisioned_s, serving_s, allocated_idle_s, unallocated_s, dark_s, active_s
    FROM gpu_hours
    WHERE hour >= $from AND hour < $to
)
SELECT
    {{by}},
    sum(provisioned_s) AS provisioned_s,
    sum(serving_s) AS serving_s,
    sum(allocated_idle_s) AS allocated_idle_s,
    sum(unallocated_s) AS unallocated_s,
    sum(dark_s) AS dark_s,
    sum(active_s) AS active_s,
    sum(active_s) / NULLIF(sum(provisioned_s), 0) AS utilization
FROM hours
GROUP BY {{by}}, true
ORDER BY {{by}}, provisioned_s DESC
