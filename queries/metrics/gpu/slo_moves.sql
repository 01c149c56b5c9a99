/*
title = "Recommended moves of GPU nodes"
description = """
What each node would have cost, bought another way: on demand, reserved or spot. Reserved is paid for every hour of the
window; on demand only for the hours in which some device of the node served, since a node is switched on whole; spot for
those hours too, and for the part of its work that is done again after interruptions. A node that runs on demand or on spot keeps the hours
that it ran. The window is the stretch of hours that have charges. Prices of an hour are this company's own, per kind
of device, from the bill; where nothing was bought that way the price is a parameter, or there is no figure and reason says so.
An SLO says how its nodes may be bought (may_buy), and a move that takes a node below the target it is at now is not
recommended. recommended is the allowed move that saves most, where one saves at all. Each node is judged by its own load,
as if no other moved. Owned nodes are paid for already and are left out. Hours of a
commitment that nobody used are in no node's cost, so that leaving it saves more than stands here: see spend/commitments.
A reservation can be left when its term ends: committed_until."""
formula = "saving = cost_now − paid device-hours after × price per device-hour; utilization_after = active ÷ paid device time after"
owner = "platform"
grain = "one node, way of buying it and currency"
key = ["host", "buy", "currency"]
columns = [
    { name = "host", type = "text", role = "dimension", description = "The node." },
    { name = "gpu_model", type = "text", role = "dimension", description = "Its devices." },
    { name = "gpus", type = "int", role = "measure", unit = "devices", description = "How many." },
    { name = "bought", type = "text", role = "dimension", description = "How it is bought." },
    { name = "buy", type = "text", role = "dimension", description = "How it could be; the same: it stays." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "target", type = "float", role = "ratio", description = "The highest utilisation that an SLO asks of it; NULL without one." },
    { name = "device_hours", type = "float", role = "measure", unit = "device-hours", description = "Device time that is paid for now." },
    { name = "serving_hours", type = "float", role = "measure", unit = "device-hours", description = "Device time of the hours in which some device of it served." },
    { name = "device_hours_after", type = "float", role = "measure", unit = "device-hours", description = "Device time that would be paid for." },
    { name = "price_per_gpu_hour", type = "decimal", role = "money", description = "Of an hour bought that way." },
    { name = "cost_now", type = "decimal", role = "money", description = "What it cost." },
    { name = "cost_after", type = "decimal", role = "money", description = "What it would have cost." },
    { name = "saving", type = "decimal", role = "money", description = "cost_now − cost_after; negative where it costs more, 0 where it stays." },
    { name = "utilization", type = "float", role = "ratio", description = "Active ÷ paid device time, now." },
    { name = "utilization_after", type = "float", role = "ratio", description = "The same after the move." },
    { name = "recommended", type = "bool", role = "dimension", description = "Make this move." },
    { name = "committed_until", type = "instant", role = "time", description = "End of the term of its commitment, where the bill has the purchase." },
    { name = "reason", type = "text", role = "dimension", description = "Why it is not recommended, or has no figure." },
    { name = "assumption", type = "text", role = "dimension", description = "What the figures rest on." },
]
[params.on_demand_per_gpu_hour]
type = "decimal"
default = "0"
description = "Price of a device-hour on demand, in the reporting currency; 0: from the bill."
[params.reserved_per_gpu_hour]
type = "decimal"
default = "0"
description = "The same of a reserved one."
[params.spot_per_gpu_hour]
type = "decimal"
default = "0"
description = "The same on spot."
[params.spot_rework]
type = "decimal"
default = "0.1"
description = "Part of the work on spot that is done again after interruptions."
[params.gpu_model]
type = "text"
default = ""
description = "Only this kind of device: with a price of your own, which is that of one kind."
[chart]
kind = "bar"
x = "host"
y = "saving"
series = "buy"
[explain]
from = "states"
keys = { buy = "", bought = "", recommended = "", committed_until = "", reason = "", assumption = "" }
column = "cost_now"
[explain.columns]
device_hours = { sum = "device_s / 3600" }
cost_now = { sum = "amount" }
*/
WITH states AS (
    SELECT
        s.host, n.gpus, s.gpu_model, s.purchase, s.state, s.device_s, s.amount, s.charge_id, s.currency, s.fx_rate,
        CASE WHEN setting('currency') <> 'native' AND s.fx_rate IS NOT NULL THEN setting('currency') ELSE s.currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR s.fx_rate IS NULL THEN 1 ELSE s.fx_rate END AS rate
    FROM gpu_states AS s
    INNER JOIN gpu_nodes AS n ON n.resource_id = s.resource_id
    WHERE instant(s.from_us) >= $from AND instant(s.from_us) < $to AND s.purchase <> 'owned'
        AND ($gpu_model = '' OR s.gpu_model = $gpu_model)
),
nodes AS (
    SELECT
        host, gpu_model, purchase, shown,
        min(gpus) AS gpus,
        sum_product(amount, rate) AS cost_now
    FROM states
    GROUP BY host, gpu_model, purchase, shown
),
prices AS (
    SELECT
        gpu_model, purchase AS buy, shown,
        ratio(
            money_mul(sum_product(amount, rate), CAST(3600 AS DECIMAL(38, 18))),
            CAST(CAST(round(sum(device_s)) AS BIGINT) AS DECIMAL(38, 18))
        ) AS price
    FROM states
    GROUP BY gpu_model, purchase, shown
),
hours AS (
    SELECT host, hour, provisioned_s, serving_s, active_s
    FROM gpu_hours
    WHERE hour >= $from AND hour < $to AND provisioned_s > 0
),
stretch AS (
    SELECT (max(CAST(hour AS BIGINT)) - min(CAST(hour AS BIGINT))) / 3600000000 + 1 AS hours FROM hours
),
loads AS (
    SELECT
        host,
        sum(provisioned_s) AS provisioned_s,
        sum(CASE WHEN serving_s > 0 THEN provisioned_s ELSE measured(0) END) AS needed_s,
        sum(active_s) AS active_s
    FROM hours
    GROUP BY host
),
-- The strictest of the objectives that speak of a node, and what all of them allow.
targets AS (
    SELECT m.host, max(s.min_utilization) AS target
    FROM gpu_slo_hosts AS m
    INNER JOIN gpu_slo AS s ON s.slo = m.slo
    GROUP BY m.host
),
forbidden AS (
    SELECT DISTINCT m.host, w.buy
    FROM gpu_slo_hosts AS m
    INNER JOIN gpu_slo AS s ON s.slo = m.slo
    CROSS JOIN (VALUES ('on_demand'), ('reserved'), ('spot')) AS w (buy)
    WHERE NOT array_has(s.may_buy, w.buy)
),
terms AS (
    SELECT n.host, max(t.term_end) AS term_end
    FROM costs AS c
    INNER JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
    INNER JOIN commitment_terms AS t ON t.commitment = c.commitment_discount_id
    GROUP BY n.host
),
options AS (
    SELECT
        n.host, n.gpu_model, n.gpus, n.purchase, w.buy, n.shown, n.cost_now,
        t.target, l.provisioned_s, l.needed_s, l.active_s, e.term_end,
        f.host IS NOT NULL AS is_forbidden,
        -- A price of the user's is in the reporting currency.
        CASE
            WHEN n.shown = CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
                AND CASE w.buy WHEN 'on_demand' THEN $on_demand_per_gpu_hour WHEN 'reserved' THEN $reserved_per_gpu_hour ELSE $spot_per_gpu_hour END > 0
                THEN CASE w.buy WHEN 'on_demand' THEN $on_demand_per_gpu_hour WHEN 'reserved' THEN $reserved_per_gpu_hour ELSE $spot_per_gpu_hour END
            ELSE p.price
        END AS price,
        CASE
            WHEN w.buy = n.purchase THEN l.provisioned_s
            WHEN w.buy = 'reserved' THEN measured(n.gpus * h.hours * 3600)
            WHEN n.purchase = 'reserved' THEN l.needed_s
            ELSE l.provisioned_s
        END AS ran_s
    FROM nodes AS n
    CROSS JOIN (VALUES ('on_demand'), ('reserved'), ('spot')) AS w (buy)
    CROSS JOIN stretch AS h
    LEFT JOIN loads AS l ON l.host = n.host
    LEFT JOIN prices AS p ON p.gpu_model = n.gpu_model AND p.buy = w.buy AND p.shown = n.shown
    LEFT JOIN targets AS t ON t.host = n.host
    LEFT JOIN forbidden AS f ON f.host = n.host AND f.buy = w.buy
    LEFT JOIN terms AS e ON e.host = n.host
),
paid AS (
    SELECT
        host, gpu_model, gpus, purchase, buy, shown, cost_now, target, provisioned_s, needed_s, active_s, term_end,
        is_forbidden, price, ran_s,
        -- Money is multiplied by whole seconds.
        money_mul(
            CAST(CAST(round(ran_s) AS BIGINT) AS DECIMAL(38, 18)),
            CASE
                WHEN buy = 'spot' AND purchase <> 'spot' THEN CAST(1 AS DECIMAL(38, 18)) + $spot_rework
                ELSE CAST(1 AS DECIMAL(38, 18))
            END
        ) AS paid_s
    FROM options
),
costed AS (
    SELECT
        host, gpu_model, gpus, purchase, buy, shown, cost_now, target, provisioned_s, needed_s, active_s, term_end,
        is_forbidden, price, paid_s,
        CASE
            WHEN buy = purchase THEN cost_now
            ELSE ratio(money_mul(paid_s, price), CAST(3600 AS DECIMAL(38, 18)))
        END AS cost_after,
        active_s / NULLIF(provisioned_s, 0) AS utilization,
        active_s / NULLIF(measured(paid_s), 0) AS utilization_after
    FROM paid
),
judged AS (
    SELECT
        host, gpu_model, gpus, purchase, buy, shown, cost_now, cost_after, target, provisioned_s, needed_s, term_end, price,
        paid_s, utilization,
        CASE WHEN buy = purchase THEN utilization ELSE utilization_after END AS utilization_after,
        CASE
            WHEN buy = purchase THEN NULL
            WHEN is_forbidden THEN 'its SLO does not allow it'
            WHEN price IS NULL
                THEN concat('no support: no such device was bought that way; --set ', buy, '_per_gpu_hour=…')
            WHEN cost_after IS NULL THEN 'nothing is known of its hours'
            WHEN cost_after >= cost_now THEN 'it saves nothing'
            WHEN utilization >= target AND coalesce(utilization_after, 0) < target THEN 'it would fall below the target of its SLO'
        END AS reason
    FROM costed
),
ranked AS (
    SELECT
        host, gpu_model, gpus, purchase, buy, shown, cost_now, cost_after, target, provisioned_s, needed_s, term_end, price,
        paid_s, utilization, utilization_after, reason,
        buy <> purchase AND reason IS NULL AS is_open,
        row_number() OVER (
            PARTITION BY host, shown, buy <> purchase AND reason IS NULL ORDER BY cost_after, buy
        ) AS place
    FROM judged
)
SELECT
    host,
    gpu_model,
    gpus,
    purchase AS bought,
    buy,
    shown AS currency,
    target,
    provisioned_s / 3600 AS device_hours,
    needed_s / 3600 AS serving_hours,
    measured(paid_s) / 3600 AS device_hours_after,
    price AS price_per_gpu_hour,
    cost_now,
    cost_after,
    cost_now - cost_after AS saving,
    utilization,
    utilization_after,
    is_open AND place = 1 AS recommended,
    term_end AS committed_until,
    CASE WHEN is_open AND place > 1 THEN 'another move saves more' ELSE reason END AS reason,
    CASE
        WHEN buy = purchase THEN 'nothing changes'
        WHEN price IS NULL THEN NULL
        WHEN buy = 'spot' THEN 'its work can be interrupted; the price of spot stays; its load stays'
        WHEN buy = 'on_demand' AND purchase = 'reserved'
            THEN 'it is switched off whenever no device of it serves; its load stays'
        WHEN buy = 'on_demand' THEN 'it runs the hours that it ran'
        ELSE 'it is paid for every hour of the window, and of the term; its load stays'
    END AS assumption
FROM ranked
ORDER BY host, currency, buy
