/* What nothing of the configuration or the price book speaks of, with what it is worth and what mends it: one
row per thing and currency. The view unmatched_facts says what the things are. fix is one of the fixes where
several lines of a bill differ in it. first_seen and last_seen are NULL for rows that could not be read.

columns:
what: What it is: a model, a provider, a key and so on.
name: Its name as it was logged or billed.
count [row]: In how many rows it stands.
amount [currency]: What these are worth.
currency: Currency of the amount.
first_seen: The first of these rows.
last_seen: The last of these rows.
fix: What to write into the configuration, or to import.

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
