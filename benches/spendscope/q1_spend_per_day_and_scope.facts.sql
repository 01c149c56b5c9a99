-- Spend per day and scope from facts: the analyst's own rules over the table of charges, asked once for what is alike.
WITH alike AS (
    SELECT
        CAST(charge_period_start AS DATE) AS day,
        provider,
        service_name,
        service_category,
        charge_description LIKE 'g6e.%' AS g6e,
        billing_currency AS currency,
        sum(effective_cost) AS amount,
        count(*) AS charges
    FROM charges
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT
    day,
    CASE
        WHEN provider = 'AWS' AND g6e THEN 'AI'
        WHEN provider = 'Rhine Colo' THEN 'Data Centre'
        WHEN service_name IN ('Oracle Database licence', 'OpenShift AI licence') THEN 'Licensing'
        WHEN
            service_name IN (
                'Vector DB', 'AI Observability', 'Guardrails', 'GitHub Copilot', 'ChatGPT Team', 'Jira', 'Speech to text'
            )
            THEN 'SaaS'
        WHEN service_category = 'AI and Machine Learning' THEN 'AI'
        ELSE 'Cloud'
    END AS scope,
    currency,
    sum(amount) AS amount,
    CAST(sum(charges) AS BIGINT) AS charges
FROM alike
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
