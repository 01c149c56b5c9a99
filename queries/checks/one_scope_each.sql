/*
title = "Every charge has one scope and one kind"
description = """
No charge is lost or doubled between the table and the view, and each has a scope, a kind and the rule that
decided."""
tier = "always"
severity = "error"
advice = "Two providers of the registry that claim one charge, or a rule that matches twice: narrow them."
needs_rows = "charges"
*/
SELECT COALESCE(t.charge_id, c.charge_id) AS charge_id, COALESCE(t.source, c.source) AS source, t.lines, c.rows_in_costs
FROM (SELECT charge_id, source, count(*) AS lines FROM charges GROUP BY charge_id, source) AS t
FULL JOIN (
    SELECT charge_id, source, count(*) AS rows_in_costs, count(scope) AS scopes, count(kind) AS kinds
    FROM costs
    GROUP BY charge_id, source
) AS c ON c.charge_id = t.charge_id AND c.source = t.source
WHERE t.lines IS NULL
    OR c.rows_in_costs IS NULL
    OR t.lines <> c.rows_in_costs
    OR c.scopes <> c.rows_in_costs
    OR c.kinds <> c.rows_in_costs
ORDER BY charge_id, source
