-- Spend per day and scope, in the currency of the bill: effective cost by the day on which the charge's period starts.
SELECT
    ChargePeriodStart::DATE AS day,
    CASE
        WHEN ProviderName = 'AWS' AND ChargeDescription LIKE 'g6e.%' THEN 'AI'
        WHEN ProviderName = 'Rhine Colo' THEN 'Data Centre'
        WHEN ServiceName IN ('Oracle Database licence', 'OpenShift AI licence') THEN 'Licensing'
        WHEN
            ServiceName IN (
                'Vector DB', 'AI Observability', 'Guardrails', 'GitHub Copilot', 'ChatGPT Team', 'Jira', 'Speech to text'
            )
            THEN 'SaaS'
        WHEN ServiceCategory = 'AI and Machine Learning' THEN 'AI'
        ELSE 'Cloud'
    END AS scope,
    BillingCurrency AS currency,
    sum(EffectiveCost) AS amount,
    count(*) AS charges
FROM charges
GROUP BY ALL
ORDER BY ALL;
