/*
title = "A commitment in two currencies"
description = """
Purchase and usage of one commitment in different currencies can be neither added nor compared."""
tier = "strict"
severity = "warning"
advice = "Ask the provider for one currency; until then read the commitment's figures per currency."
needs_rows = "commitment_terms"
*/
SELECT commitment, count(*) AS currencies, min(currency) AS first_currency, max(currency) AS last_currency
FROM commitment_terms
GROUP BY commitment
HAVING count(*) > 1
ORDER BY commitment
