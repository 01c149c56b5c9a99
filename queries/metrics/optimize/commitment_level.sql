/*
title = "What if: more or less were committed"
description = """
What each commitment (reservation, savings plan, committed use) and the usage it could have covered would have cost at
other sizes of it, from none to twice today's. It is worked out period by period: more of it is paid for in every
period and covers what ran at the standard price in that one; less of it is saved in every period, and what it covered is
paid for on demand, the unused part first. What one unit covers is what it covered in the window: Σ list cost ÷ Σ used.
Eligible is uncovered usage of the same provider and services in the same period; of a commitment to usage
(a reservation) also in the same regions. Two commitments for one service share it, so their rows are not to be added
up. Periods of more than an hour hide when in them usage ran: they make a larger commitment look better than it is, and
are counted. A term that has begun cannot be made smaller: committed_until says when it can. A commitment
without a used line, or with covered lines without a list cost, has no figure, and reason says why."""
formula = "level > 1: saving = Σ over periods of min((level − 1) × committed × yield, eligible) − (level − 1) × committed; level < 1: saving = Σ (1 − level) × committed − max(0, (1 − level) × committed − unused) × yield; committed = used + unused; yield = Σ list cost ÷ Σ used"
owner = "finance"
grain = "one commitment, level and currency"
key = ["commitment", "level", "currency"]
columns = [
    { name = "commitment", type = "text", role = "dimension", description = "CommitmentDiscountId." },
    { name = "provider", type = "text", role = "dimension", description = "Who sold it." },
    { name = "level", type = "decimal", role = "dimension", description = "Its size, 1 as it is." },
    { name = "currency", type = "text", role = "currency", description = "The currency of the bill; nothing is converted." },
    { name = "periods", type = "int", role = "measure", unit = "periods", description = "Periods of its lines in the window." },
    { name = "coarse_periods", type = "int", role = "measure", unit = "periods", description = "Of them longer than an hour." },
    { name = "used", type = "decimal", role = "money", description = "Effective cost of what it covered, today." },
    { name = "unused", type = "decimal", role = "money", description = "Effective cost of what nobody used, today." },
    { name = "eligible", type = "decimal", role = "money", description = "Usage at the standard price that more of it could have covered, today." },
    { name = "cost_now", type = "decimal", role = "money", description = "used + unused + eligible." },
    { name = "cost_after", type = "decimal", role = "money", description = "The commitment at that level, and what it leaves to on demand." },
    { name = "saving", type = "decimal", role = "money", description = "cost_now − cost_after; negative where it costs more." },
    { name = "utilisation_after", type = "decimal", role = "ratio", description = "Part of the commitment at that level that would be used." },
    { name = "quality_change", type = "decimal", role = "ratio", description = "0: the same machines, paid for another way." },
    { name = "best", type = "bool", role = "dimension", description = "No other level here saves more; of equals the one nearest to today's." },
    { name = "committed_until", type = "instant", role = "time", description = "End of the term that was bought; NULL where no purchase is on the bill." },
    { name = "reason", type = "text", role = "dimension", description = "Why there is no figure." },
    { name = "assumption", type = "text", role = "dimension", description = "What the figures rest on." },
]
[params.level]
type = "decimal"
default = "1"
description = "One more level to be worked out: 1.3 is 30 % more than today."
[params.commitment]
type = "text"
default = ""
description = "Only this commitment."
[chart]
kind = "bar"
x = "level"
y = "saving"
series = "commitment"
[explain]
from = "lines"
keys = { level = "", provider = "", best = "", committed_until = "", reason = "", assumption = "" }
column = "used"
[explain.columns]
used = { sum = "effective_cost", where = "status = 'Used'" }
unused = { sum = "effective_cost", where = "status = 'Unused'" }
*/
WITH lines AS (
    SELECT
        charge_id, commitment_discount_id AS commitment, commitment_discount_status AS status,
        commitment_discount_category AS category, provider, service_name, region_id, currency, charge_category,
        pricing_category, effective_cost, list_cost,
        CAST(charge_period_start AS BIGINT) AS from_us,
        CAST(charge_period_end AS BIGINT) AS to_us,
        coalesce(charge_category = 'Usage' AND commitment_discount_status = 'Used', false) AS covered
    FROM costs
    WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to
),
periods AS (
    SELECT
        commitment, currency, from_us, to_us,
        coalesce(sum(CASE WHEN status = 'Used' THEN effective_cost END), 0) AS used,
        coalesce(sum(CASE WHEN status = 'Unused' THEN effective_cost END), 0) AS unused
    FROM lines
    WHERE commitment IS NOT NULL AND status IN ('Used', 'Unused') AND ($commitment = '' OR commitment = $commitment)
    GROUP BY commitment, currency, from_us, to_us
),
covered AS (
    SELECT
        commitment, currency,
        min(provider) AS provider,
        sum(CASE WHEN covered THEN effective_cost END) AS covered_cost,
        sum(CASE WHEN covered THEN list_cost END) AS listed,
        sum(CASE WHEN covered AND list_cost IS NULL THEN 1 ELSE 0 END) AS without_list_cost
    FROM lines
    WHERE commitment IS NOT NULL
    GROUP BY commitment, currency
),
-- What it covers: its services, and where it is bound to usage its regions too.
services AS (
    SELECT DISTINCT
        commitment, currency, provider, service_name,
        CASE WHEN category = 'Usage' THEN coalesce(region_id, '') END AS region
    FROM lines
    WHERE commitment IS NOT NULL AND covered
),
standard AS (
    SELECT currency, provider, service_name, coalesce(region_id, '') AS region, from_us, to_us, sum(effective_cost) AS amount
    FROM lines
    WHERE commitment IS NULL AND charge_category = 'Usage' AND coalesce(pricing_category, 'Standard') = 'Standard'
    GROUP BY currency, provider, service_name, coalesce(region_id, ''), from_us, to_us
),
eligible AS (
    SELECT s.commitment, s.currency, u.from_us, u.to_us, sum(u.amount) AS amount
    FROM services AS s
    INNER JOIN standard AS u
        ON u.currency = s.currency AND u.provider = s.provider AND (u.service_name IS NOT DISTINCT FROM s.service_name)
        AND (s.region IS NULL OR u.region = s.region)
    GROUP BY s.commitment, s.currency, u.from_us, u.to_us
),
levels AS (
    SELECT CAST(level AS DECIMAL(38, 18)) AS level
    FROM (VALUES (0), (0.25), (0.5), (0.75), (0.9), (1), (1.1), (1.25), (1.5), (2)) AS steps (level)
    UNION
    SELECT $level AS level
),
yields AS (
    SELECT
        commitment, currency, provider,
        CASE
            WHEN coalesce(covered_cost, 0) <= 0 THEN 'no support: nothing of it was used, so nobody knows what it covers'
            WHEN without_list_cost > 0 THEN concat(without_list_cost, ' of its covered lines have no list cost')
        END AS reason,
        CAST(listed AS DECIMAL(38, 18)) AS listed,
        CAST(covered_cost AS DECIMAL(38, 18)) AS covered_cost
    FROM covered
),
worked AS (
    SELECT
        p.commitment, p.currency, y.provider, y.reason, y.listed, y.covered_cost, l.level,
        p.to_us - p.from_us > 3600000000 AS coarse,
        p.used, p.unused,
        CAST(p.used + p.unused AS DECIMAL(38, 18)) AS committed,
        coalesce(e.amount, 0) AS eligible,
        money_mul(p.used + p.unused, l.level - 1) AS more
    FROM periods AS p
    INNER JOIN yields AS y ON y.commitment = p.commitment AND y.currency = p.currency
    CROSS JOIN levels AS l
    LEFT JOIN eligible AS e
        ON e.commitment = p.commitment AND e.currency = p.currency AND e.from_us = p.from_us AND e.to_us = p.to_us
    WHERE l.level >= 0
),
-- gained: usage on demand that more of it covers; lost: what less of it leaves to on demand.
shifted AS (
    SELECT
        commitment, currency, provider, reason, listed, covered_cost, level, coarse, used, unused, committed, eligible, more,
        CASE
            WHEN more > 0
                THEN
                    least(
                        ratio(money_mul(more, listed), covered_cost),
                        greatest(CAST(eligible AS DECIMAL(38, 18)), CAST(0 AS DECIMAL(38, 18)))
                    )
            ELSE CAST(0 AS DECIMAL(38, 18))
        END AS gained,
        CASE
            WHEN more < 0 THEN greatest(-more - CAST(unused AS DECIMAL(38, 18)), CAST(0 AS DECIMAL(38, 18)))
            ELSE CAST(0 AS DECIMAL(38, 18))
        END AS lost
    FROM worked
),
summed AS (
    SELECT
        commitment, currency, provider, reason, listed, covered_cost, level,
        count(*) AS periods,
        count(*) FILTER (WHERE coarse) AS coarse_periods,
        sum(used) AS used,
        sum(unused) AS unused,
        sum(eligible) AS eligible,
        CAST(sum(lost) AS DECIMAL(38, 18)) AS lost,
        CAST(sum(gained) AS DECIMAL(38, 18)) AS gained,
        CAST(sum(more) AS DECIMAL(38, 18)) AS more,
        CAST(sum(committed) + sum(more) AS DECIMAL(38, 18)) AS committed_after
    FROM shifted
    GROUP BY commitment, currency, provider, reason, listed, covered_cost, level
),
valued AS (
    SELECT
        commitment, currency, provider, reason, level, periods, coarse_periods, used, unused, eligible, committed_after,
        CASE
            WHEN reason IS NULL THEN gained - ratio(money_mul(lost, listed), covered_cost) - more
        END AS saving,
        CASE
            WHEN reason IS NULL
                THEN
                    CAST(used AS DECIMAL(38, 18)) - lost
                    + coalesce(ratio(money_mul(gained, covered_cost), listed), CAST(0 AS DECIMAL(38, 18)))
        END AS used_after
    FROM summed
),
ranked AS (
    SELECT
        s.commitment, s.currency, s.provider, s.reason, s.level, s.periods, s.coarse_periods, s.used, s.unused, s.eligible,
        s.saving, s.used_after, s.committed_after,
        t.term_end,
        row_number() OVER (
            PARTITION BY s.commitment, s.currency ORDER BY s.saving DESC NULLS LAST, abs(s.level - 1), s.level
        ) AS place
    FROM valued AS s
    LEFT JOIN commitment_terms AS t ON t.commitment = s.commitment AND t.currency = s.currency
)
SELECT
    commitment,
    provider,
    level,
    currency,
    periods,
    coarse_periods,
    used,
    unused,
    eligible,
    used + unused + eligible AS cost_now,
    used + unused + eligible - saving AS cost_after,
    saving,
    ratio(used_after, committed_after) AS utilisation_after,
    CASE WHEN saving IS NOT NULL THEN 0 END AS quality_change,
    CASE WHEN saving IS NOT NULL THEN place = 1 END AS best,
    term_end AS committed_until,
    reason,
    CASE
        WHEN reason IS NULL
            THEN 'usage runs as it ran; a unit covers what it covered; more is sold at the same price, and less can be had when the term ends'
    END AS assumption
FROM ranked
ORDER BY commitment, currency, level
