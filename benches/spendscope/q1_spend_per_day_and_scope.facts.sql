-- Spend per day and scope from facts: the analyst's own rules over the table of charges.
SELECT
    CAST(charge_period_start AS DATE) AS day,
    CASE
        WHEN provider = 'AWS' AND charge_description LIKE 'g6e.%' THEN 'AI'
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
    billing_currency AS currency,
    sum(effective_cost) AS amount,
    count(*) AS charges
FROM charges
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
