/*
title = "A commitment's usage is worth what it cost"
description = """
Per commitment, over its whole term: the effective cost of what it covered and of what nobody used is what was billed
for it. Commitments whose term is not there from end to end are left out. Rounding of the amortised amounts may leave
up to a cent."""
tier = "strict"
severity = "warning"
advice = "Lines are missing, twice, or under another commitment: compare the commitment's lines with the provider's console."
needs_rows = "commitment_terms"
*/
SELECT commitment, currency, billed, used, unused, used + unused - billed AS difference
FROM commitment_terms
WHERE whole AND abs(used + unused - billed) > 0.01
ORDER BY commitment, currency
