/* The periods that charges have, each once: the moment at which a charge of that period counts, and what it depends on
inside the period. link: leaves (attempts and telemetry: it is a model or a GPU charge), requests or cost (it is shared by the
number of requests, or by what they cost); NULL: on nothing.

kept: which months depend on each other is read from it.
*/
SELECT
    c.charge_period_start AS period_start,
    c.charge_period_end AS period_end,
    charge_moment(c.charge_period_start, c.charge_period_end) AS moment,
    CASE
        WHEN c.kind IN ('model_api', 'gpu') THEN 'leaves'
        WHEN c.kind <> 'other' THEN NULL
        WHEN s.method = 'requests' THEN 'requests'
        WHEN s.method = 'request_cost' THEN 'cost'
    END AS link,
    count(*) AS charges
FROM costs AS c
LEFT JOIN sharing_rules AS s ON s.rule = c.sharing_rule
GROUP BY 1, 2, 3, 4
