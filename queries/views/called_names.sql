/* Use cases and models by the days on which they were asked for: asked_at is the first time of the day, calls counts attempts.
Calls without a use case or a model have a row without a name.

kept: who is new is found out from all days there are.
months: asked_at of attempts
*/
SELECT 'use_case' AS what, use_case AS name, min(asked_at) AS asked_at, sum(entries) AS calls
FROM call_days
GROUP BY local_day(asked_at), use_case
UNION ALL
SELECT 'model', model, min(asked_at), sum(entries)
FROM call_days
GROUP BY local_day(asked_at), model
