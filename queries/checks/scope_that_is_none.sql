/*
title = "x_Scope says no scope"
description = """
Charges whose column or tag x_Scope is none of AI, Cloud, SaaS, Data Centre, Licensing. The value is ignored."""
tier = "always"
severity = "warning"
advice = "Correct the tag at its source, or write a scope rule."
needs_rows = "charges"
*/
WITH said AS (
    SELECT charge_id, source, provider, service_name, extra['x_Scope'] AS value, 'column' AS place
    FROM charges
    UNION ALL
    SELECT charge_id, source, provider, service_name, tags['x_Scope'], 'tag'
    FROM charges
)
SELECT value, place, source, provider, service_name, count(*) AS charges, min(charge_id) AS first_charge
FROM said
WHERE value IS NOT NULL AND value NOT IN ('AI', 'Cloud', 'SaaS', 'Data Centre', 'Licensing')
GROUP BY value, place, source, provider, service_name
ORDER BY value, place, source, provider, service_name
