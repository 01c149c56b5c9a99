/* What nothing of the configuration or the price book speaks of, with what it is worth and what mends it: one
row per thing and currency. The view unmatched_facts says what the things are. fix is one of the fixes where
several lines of a bill differ in it. first_seen and last_seen are NULL for rows that could not be read.

money: amount in currency
*/
SELECT
    what,
    name,
    count(*) AS count,
    sum(amount) AS amount,
    currency,
    min(at) AS first_seen,
    max(at) AS last_seen,
    min(fix) AS fix
FROM unmatched_facts
GROUP BY what, name, currency
