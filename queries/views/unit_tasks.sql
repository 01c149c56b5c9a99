/* The tasks of unit_leaves: what is counted of each, and what a success was worth.

task_started_at: when its first attempt, named by request_source and request_id, started. value: of a success, in
setting('currency'), at the rate of that day: what the outcome says, else the registry's value_per_success. shown: that
currency, where there is one.

money: value in shown
*/
SELECT
    t.task_id,
    t.first_started_at AS task_started_at,
    t.use_case AS task_use_case,
    t.first_source AS request_source,
    t.first_request AS request_id,
    t.success,
    t.requests,
    t.uncosted,
    CASE WHEN setting('currency') <> 'native' THEN setting('currency') END AS shown,
    CASE
        WHEN t.success
            THEN money_mul(
                coalesce(t.outcome_value, u.value_per_success),
                fx_rate(setting('reporting_currency'), setting('currency'), CAST(t.first_started_at AS DATE))
            )
    END AS value
FROM task_facts AS t
LEFT JOIN use_cases AS u ON u.use_case = t.use_case
