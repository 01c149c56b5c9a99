/* One row per task: its attempts, what they cost, and what came of it. See task_facts for use_case, cost, waste,
uncosted, unconverted, variant and last_model.

state: success or failure by the outcome; without one pending while, by the clock, the last attempt is younger than
the use case's maturity (7 days unless set), then unlabelled. value: the outcome's own, else of a success what the
registry says one is worth, in the reporting currency; value_rate takes it into setting('currency') at the rate of
the task's first day.

columns:
task_id: Session or trace id, else the request id.
use_case: The use case of its first attempt.
first_started_at: When its first attempt started.
last_started_at: When its last attempt started.
requests [request]: How many requests it took.
attempts [attempt]: How many attempts it took, failed ones included.
last_model: The model of the last attempt, which gave the answer.
cost [setting('currency')]: Its leaves of the ledger, converted, accruals included; NULL where nothing is known.
waste [setting('currency')]: The part of cost of attempts that failed or were superseded.
uncosted [attempt]: Attempts that no price and no bill speaks of.
unconverted [leaf]: Leaves without an exchange rate, which are not in cost.
success: What the newest outcome says; NULL without one.
state: success, failure, pending (too young to have an outcome) or unlabelled.
value [reporting currency]: What it was worth: the outcome's own value, else what the registry says a success is worth.
value_rate [setting('currency') per reporting currency]: Rate of the task's first day.
variant: The arm of an experiment that it ran in.
*/
SELECT
    t.* EXCEPT (outcome_value, variant),
    CASE
        WHEN t.success THEN 'success'
        WHEN NOT t.success THEN 'failure'
        WHEN
            CAST(now_utc() AS BIGINT) - CAST(t.last_started_at AS BIGINT)
            < coalesce(u.maturity_days, 7) * 86400000000
            THEN 'pending'
        ELSE 'unlabelled'
    END AS state,
    coalesce(t.outcome_value, CASE WHEN t.success THEN u.value_per_success END) AS value,
    fx_rate(setting('reporting_currency'), setting('currency'), CAST(t.first_started_at AS DATE)) AS value_rate,
    t.variant
FROM task_facts AS t
LEFT JOIN use_cases AS u ON u.use_case = t.use_case
