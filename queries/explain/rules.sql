/*
title = "Rules"
description = "What decided where the money belongs: lines of the configuration, tags, and the built-in order."
order = 70
money = ["amount"]
count = ["rows"]
*/
WITH of_charges AS (
    SELECT charge_id, sum(figure_amount) AS amount
    FROM explained
    WHERE charge_id IS NOT NULL
    GROUP BY charge_id
),

charged AS (
    SELECT
        p.amount,
        c.currency,
        c.scope,
        c.scope_rule,
        c.kind,
        c.model,
        c.model_ambiguous,
        c.token_units,
        c.provider_id,
        c.tagged_use_case,
        a.charge_match AS provider_match,
        m.charge_match AS model_match,
        s.rule AS sharing,
        s.method,
        s.charge_match AS sharing_match,
        n.host,
        n.purchase
    FROM of_charges AS p
    INNER JOIN costs AS c ON c.charge_id = p.charge_id
    LEFT JOIN providers AS a ON a.provider = c.provider_id
    LEFT JOIN models AS m ON m.model = c.model AND m.provider = c.provider_id
    LEFT JOIN sharing_rules AS s ON s.rule = c.sharing_rule
    LEFT JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
),

of_requests AS (
    SELECT request_source, request_id, currency, sum(figure_amount) AS amount
    FROM explained
    WHERE request_id IS NOT NULL
    GROUP BY request_source, request_id, currency
),

requested AS (
    SELECT
        p.amount,
        p.currency,
        k.use_case,
        CASE
            WHEN r.use_case IS NOT NULL THEN concat('tag use_case:', r.use_case)
            WHEN a.alias IS NOT NULL THEN concat('[use_cases.', k.use_case, '.aliases] keys: ', a.alias)
            WHEN t.alias IS NOT NULL THEN concat('[use_cases.', k.use_case, '.aliases] teams: ', t.alias)
            ELSE 'no tag, and no alias of its key or team'
        END AS rule
    FROM of_requests AS p
    INNER JOIN calls AS k ON k.source = p.request_source AND k.request_id = p.request_id
    INNER JOIN requests AS r ON r.source = p.request_source AND r.request_id = p.request_id
    LEFT JOIN use_case_aliases AS a ON a.kind = 'key' AND a.alias = r.key_alias
    LEFT JOIN use_case_aliases AS t ON t.kind = 'team' AND t.alias = r.team
),

said AS (
    SELECT 1 AS step, 'scope' AS what, scope AS gives, scope_rule AS rule, currency, amount FROM charged
    UNION ALL
    SELECT
        2 AS step, 'kind' AS what, kind AS gives,
        CASE kind
            WHEN 'model_api'
                THEN
                    CASE
                        WHEN provider_id IS NULL THEN 'scope AI and token units; the provider is not in the registry'
                        ELSE concat('[providers.', provider_id, '] charge_match: ', provider_match)
                    END
            WHEN 'gpu' THEN concat('[[gpu_nodes]] host ', host, ' (', purchase, ') has its ResourceId')
            WHEN 'tagged' THEN concat('tag use_case: ', tagged_use_case)
            WHEN 'commitment_purchase' THEN 'a Purchase with a CommitmentDiscountId'
            WHEN 'commitment_unused' THEN 'CommitmentDiscountStatus is Unused'
            ELSE 'no other kind fits'
        END AS rule,
        currency, amount
    FROM charged
    UNION ALL
    SELECT
        3 AS step, 'model' AS what, model AS gives,
        CASE
            WHEN model_ambiguous THEN 'two models of the registry fit alike'
            WHEN model IS NOT NULL THEN concat('[models.', model, '] charge_match: ', model_match)
            WHEN provider_id IS NULL THEN 'the provider is not in the registry'
            WHEN token_units THEN 'names no registered model: spread over requests of unregistered models'
            ELSE 'names no model and counts no tokens: spread over the whole provider'
        END AS rule,
        currency, amount
    FROM charged
    WHERE kind = 'model_api'
    UNION ALL
    SELECT
        4 AS step, 'sharing' AS what, method AS gives,
        CASE
            WHEN sharing IS NULL THEN 'no [[sharing]] rule fits'
            ELSE concat('sharing[', CAST(sharing AS VARCHAR), ']: ', sharing_match)
        END AS rule,
        currency, amount
    FROM charged
    WHERE kind = 'other'
    UNION ALL
    SELECT 5 AS step, 'use case' AS what, coalesce(use_case, 'unregistered') AS gives, rule, currency, amount
    FROM requested
)

SELECT what, rule, gives, count(*) AS rows, currency, sum(amount) AS amount
FROM said
GROUP BY step, what, rule, gives, currency
ORDER BY step, amount DESC NULLS LAST, rule, gives, currency
