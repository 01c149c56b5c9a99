/*
title = "Which files moved which leaves between the two sides of a diff"
description = """
Asked of the newer side. diff_leaves_before and diff_leaves_after are the answers of leaves.sql, diff_moved is
that of moved.sql, diff_files_before are the files that the older side knew.

A leaf moves because its line of the bill came, changed or went (the file of the line, or of the delivery that
replaced its period), because its request came late (the log), because the request has another list cost (the
price book), because its GPU was heard of late (the telemetry), or because only its conversion moved (the rates).
What moves one leaf of a line moves the others, since they share one amount, so files are passed on to all moved
leaves of the same line, of the same request, and to shared costs of the same time."""
*/
WITH new_files AS (
    SELECT f.table_name, f.file_hash
    FROM ingest_files AS f
    LEFT ANTI JOIN diff_files_before AS b ON b.delivery_id = f.delivery_id AND b.file_hash = f.file_hash
    GROUP BY f.table_name, f.file_hash
),

sides AS (
    SELECT charge, charge_file, request_source, request_id, request_file, list_cost, true AS is_new
    FROM diff_leaves_after
    UNION ALL
    SELECT charge, charge_file, request_source, request_id, request_file, list_cost, false AS is_new
    FROM diff_leaves_before
),

-- Lines of bills, and where they stand.
lines AS (
    SELECT
        charge,
        sum(CASE WHEN is_new THEN 1 ELSE 0 END) > 0 AS is_there,
        sum(CASE WHEN is_new THEN 0 ELSE 1 END) > 0 AS was_there,
        max(CASE WHEN is_new THEN charge_file END) AS charge_file
    FROM sides
    WHERE charge IS NOT NULL
    GROUP BY charge
),

deliveries AS (
    SELECT source, billing_month, file_hash FROM charges GROUP BY source, billing_month, file_hash
),

-- Requests, where they came from and what they cost at list.
attempts AS (
    SELECT
        request_source,
        request_id,
        max(CASE WHEN is_new THEN request_file END) AS request_file,
        max(CASE WHEN is_new THEN list_cost END) AS new_list_cost,
        max(CASE WHEN is_new THEN NULL ELSE list_cost END) AS old_list_cost
    FROM sides
    WHERE request_id IS NOT NULL
    GROUP BY request_source, request_id
),

-- A list that is imported again brings all its prices again: says_new tells those that were not known.
priced AS (
    SELECT coalesce(n.provider, p.provider) AS provider, p.model, p.file_hash, max(b.known) IS NULL AS says_new
    FROM prices AS p
    INNER JOIN new_files AS f ON f.table_name = 'prices' AND f.file_hash = p.file_hash
    LEFT JOIN provider_names AS n ON n.logged = p.provider
    LEFT JOIN (SELECT *, 1 AS known FROM diff_prices_before) AS b
        ON b.provider = p.provider
        AND b.model = p.model
        AND b.valid_from = p.valid_from
        AND b.currency = p.currency
        AND coalesce(b.input_cost_per_token, -1) = coalesce(p.input_cost_per_token, -1)
        AND coalesce(b.output_cost_per_token, -1) = coalesce(p.output_cost_per_token, -1)
        AND coalesce(b.cache_read_input_token_cost, -1) = coalesce(p.cache_read_input_token_cost, -1)
        AND coalesce(b.cache_creation_input_token_cost, -1) = coalesce(p.cache_creation_input_token_cost, -1)
    GROUP BY coalesce(n.provider, p.provider), p.model, p.valid_from, p.file_hash
),

late_requests AS (
    SELECT date_trunc('hour', r.started_at) AS hour, r.file_hash
    FROM requests AS r
    INNER JOIN new_files AS f ON f.table_name = 'requests' AND f.file_hash = r.file_hash
    GROUP BY date_trunc('hour', r.started_at), r.file_hash
),

late_samples AS (
    SELECT s.host, date_trunc('hour', s.sampled_at) AS hour, s.file_hash
    FROM gpu_samples AS s
    INNER JOIN new_files AS f ON f.table_name = 'gpu_samples' AND f.file_hash = s.file_hash
    GROUP BY s.host, date_trunc('hour', s.sampled_at), s.file_hash
),

late_rates AS (
    SELECT r."from" AS rate_from, r."to" AS rate_to, r.day, r.file_hash
    FROM fx_rates AS r
    INNER JOIN new_files AS f ON f.table_name = 'fx_rates' AND f.file_hash = r.file_hash
),

own AS (
    -- The line came, or says something else.
    SELECT m.moved, l.charge_file AS file_hash
    FROM diff_moved AS m
    INNER JOIN lines AS l ON l.charge = m.charge
    WHERE NOT l.was_there
    UNION
    -- The line went: its period was replaced.
    SELECT m.moved, d.file_hash
    FROM diff_moved AS m
    INNER JOIN lines AS l ON l.charge = m.charge
    INNER JOIN deliveries AS d ON d.source = m.charge_source AND d.billing_month = m.billing_month
    WHERE NOT l.is_there
    UNION
    SELECT m.moved, a.request_file AS file_hash
    FROM diff_moved AS m
    INNER JOIN attempts AS a ON a.request_id = m.request_id AND a.request_source = m.request_source
    INNER JOIN new_files AS f ON f.table_name = 'requests' AND f.file_hash = a.request_file
    UNION
    SELECT m.moved, p.file_hash
    FROM diff_moved AS m
    INNER JOIN attempts AS a ON a.request_id = m.request_id AND a.request_source = m.request_source
    INNER JOIN priced AS p ON p.provider = m.request_provider AND p.model = m.request_model
    LEFT JOIN new_files AS f ON f.table_name = 'requests' AND f.file_hash = a.request_file
    WHERE p.says_new OR ((a.new_list_cost IS DISTINCT FROM a.old_list_cost) AND f.file_hash IS NULL)
    UNION
    SELECT m.moved, s.file_hash
    FROM diff_moved AS m
    INNER JOIN late_samples AS s
        ON s.host = m.host
        AND s.hour >= date_trunc('hour', m.charge_period_start)
        AND s.hour < m.charge_period_end
    WHERE m.kind = 'gpu'
    UNION
    SELECT m.moved, r.file_hash
    FROM diff_moved AS m
    INNER JOIN late_rates AS r
        ON r.rate_from = m.native_currency AND r.rate_to = setting('currency') AND r.day <= m.day
    WHERE NOT m.native_moved
    UNION
    SELECT m.moved, r.file_hash
    FROM diff_moved AS m
    INNER JOIN lines AS l ON l.charge = m.charge
    INNER JOIN late_requests AS r
        ON r.hour >= date_trunc('hour', m.charge_period_start) AND r.hour < m.charge_period_end
    WHERE m.leaf = 'shared' AND l.is_there AND l.was_there
    UNION
    -- Weights by cost are compared in the reporting currency.
    SELECT m.moved, r.file_hash
    FROM diff_moved AS m
    INNER JOIN lines AS l ON l.charge = m.charge
    INNER JOIN late_rates AS r
        ON r.rate_to = setting('reporting_currency') AND r.day <= CAST(m.charge_period_end AS DATE)
    WHERE m.leaf = 'shared' AND m.native_moved AND l.is_there AND l.was_there
),

of_lines AS (
    SELECT m.charge, o.file_hash
    FROM own AS o
    INNER JOIN diff_moved AS m ON m.moved = o.moved
    WHERE m.charge IS NOT NULL
    GROUP BY m.charge, o.file_hash
),

of_requests AS (
    SELECT m.request_source, m.request_id, o.file_hash
    FROM own AS o
    INNER JOIN diff_moved AS m ON m.moved = o.moved
    WHERE m.request_id IS NOT NULL
    GROUP BY m.request_source, m.request_id, o.file_hash
),

of_times AS (
    SELECT date_trunc('hour', m.started_at) AS hour, o.file_hash
    FROM own AS o
    INNER JOIN diff_moved AS m ON m.moved = o.moved
    WHERE m.leaf = 'request'
    GROUP BY date_trunc('hour', m.started_at), o.file_hash
),

found AS (
    SELECT moved, file_hash FROM own
    UNION
    SELECT m.moved, o.file_hash
    FROM diff_moved AS m
    INNER JOIN of_lines AS o ON o.charge = m.charge
    UNION
    SELECT m.moved, o.file_hash
    FROM diff_moved AS m
    INNER JOIN of_requests AS o ON o.request_id = m.request_id AND o.request_source = m.request_source
    UNION
    SELECT m.moved, o.file_hash
    FROM diff_moved AS m
    INNER JOIN lines AS l ON l.charge = m.charge
    INNER JOIN of_times AS o
        ON o.hour >= date_trunc('hour', m.charge_period_start) AND o.hour < m.charge_period_end
    WHERE m.leaf = 'shared' AND l.is_there AND l.was_there
),

named AS (
    SELECT
        file_hash,
        path,
        ingested_at,
        row_number() OVER (PARTITION BY file_hash ORDER BY ingested_at DESC, path) AS place
    FROM ingest_files
)

SELECT
    m.provider,
    m.service,
    m.leaf,
    m.evidence,
    m.scope,
    m.model,
    m.use_case,
    m.team,
    m.day,
    m.month,
    m.currency,
    concat(
        coalesce(n.path, 'a file'), ' (', substr(f.file_hash, 1, 12),
        coalesce(concat(', ', substr(CAST(n.ingested_at AS VARCHAR), 1, 16)), ''), ')'
    ) AS file
FROM found AS f
INNER JOIN diff_moved AS m ON m.moved = f.moved
LEFT JOIN named AS n ON n.file_hash = f.file_hash AND n.place = 1
GROUP BY
    m.provider, m.service, m.leaf, m.evidence, m.scope, m.model, m.use_case, m.team, m.day, m.month, m.currency,
    f.file_hash, n.path, n.ingested_at
