/*
title = "Every bill against its leaves"
description = """
The charges of the window by the source that delivered them, each in the currency of its bill: nothing is
converted, so the figures can be held against the invoice. Every leaf that the charges were split into has a
column, and difference is what is missing: it must be 0, and so must unbalanced, which counts charges of
their own, since two errors can cancel out in a sum. A leaf stands with its charge. Accruals are no part of a bill."""
formula = "bill = Σ charges under the basis; difference = bill − Σ leaves of these charges"
owner = "finance"
grain = "one group and currency of the bill"
dimensions = ["source", "provider", "billing_month", "invoice"]
by = ["source"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The currency of the bill; nothing is converted." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills." },
    { name = "null_amounts", type = "int", role = "measure", unit = "charges", description = "Those without an amount under the basis; they are in no sum." },
    { name = "billed_cost", type = "decimal", role = "money", description = "What the invoices ask for, whatever the basis." },
    { name = "bill", type = "decimal", role = "money", description = "The charges under the basis of the run." },
    { name = "request", type = "decimal", role = "money", description = "Leaf request: attempts of the gateway's log." },
    { name = "direct", type = "decimal", role = "money", description = "Leaf direct: tagged with a use case." },
    { name = "shared", type = "decimal", role = "money", description = "Leaf shared: spread by a sharing rule." },
    { name = "unmetered", type = "decimal", role = "money", description = "Leaf unmetered: model spend past the gateway." },
    { name = "gpu_serving_untraced", type = "decimal", role = "money", description = "Leaf gpu_serving_untraced." },
    { name = "gpu_allocated_idle", type = "decimal", role = "money", description = "Leaf gpu_allocated_idle." },
    { name = "gpu_unallocated", type = "decimal", role = "money", description = "Leaf gpu_unallocated." },
    { name = "gpu_dark", type = "decimal", role = "money", description = "Leaf gpu_dark." },
    { name = "gpu_idle", type = "decimal", role = "money", description = "The four GPU leaves without a request together." },
    { name = "commitment_unused", type = "decimal", role = "money", description = "Leaf commitment_unused." },
    { name = "unallocated", type = "decimal", role = "money", description = "Leaf unallocated: everything else, purchases included." },
    { name = "leaves", type = "decimal", role = "money", description = "All leaves together." },
    { name = "difference", type = "decimal", role = "money", description = "bill − leaves: 0, or the promise is broken." },
    { name = "unbalanced", type = "int", role = "measure", unit = "charges", description = "Charges whose leaves do not add up to them." },
]
[chart]
kind = "bar"
y = "bill"
[explain]
from = "entries"
column = "bill"
[explain.columns]
bill = { sum = "bill", rate = "1" }
billed_cost = { sum = "billed_cost", rate = "1" }
charges = { count = "charge_id" }
*/
WITH charged AS (
    SELECT
        source, provider, billing_month, invoice_id AS invoice, currency, charge_id, amount, billed_cost,
        kind, fx_rate, currency AS shown
    FROM costs
    WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to
),
split AS (
    SELECT
        charge_id,
        sum(amount) AS leaves,
        sum(CASE WHEN leaf = 'request' THEN amount ELSE 0 END) AS request,
        sum(CASE WHEN leaf = 'direct' THEN amount ELSE 0 END) AS direct,
        sum(CASE WHEN leaf = 'shared' THEN amount ELSE 0 END) AS shared,
        sum(CASE WHEN leaf = 'unmetered' THEN amount ELSE 0 END) AS unmetered,
        sum(CASE WHEN leaf = 'gpu_serving_untraced' THEN amount ELSE 0 END) AS gpu_serving_untraced,
        sum(CASE WHEN leaf = 'gpu_allocated_idle' THEN amount ELSE 0 END) AS gpu_allocated_idle,
        sum(CASE WHEN leaf = 'gpu_unallocated' THEN amount ELSE 0 END) AS gpu_unallocated,
        sum(CASE WHEN leaf = 'gpu_dark' THEN amount ELSE 0 END) AS gpu_dark,
        sum(CASE WHEN leaf = 'commitment_unused' THEN amount ELSE 0 END) AS commitment_unused,
        sum(CASE WHEN leaf = 'unallocated' THEN amount ELSE 0 END) AS unallocated
    FROM leaf_sums
    GROUP BY charge_id
),
entries AS (
    SELECT
        c.source, c.provider, c.billing_month, c.invoice, c.currency, c.charge_id, c.kind, c.fx_rate, c.shown,
        c.amount, c.billed_cost, coalesce(c.amount, 0) AS bill,
        coalesce(s.leaves, 0) AS leaves, coalesce(s.request, 0) AS request, coalesce(s.direct, 0) AS direct,
        coalesce(s.shared, 0) AS shared, coalesce(s.unmetered, 0) AS unmetered,
        coalesce(s.gpu_serving_untraced, 0) AS gpu_serving_untraced,
        coalesce(s.gpu_allocated_idle, 0) AS gpu_allocated_idle,
        coalesce(s.gpu_unallocated, 0) AS gpu_unallocated, coalesce(s.gpu_dark, 0) AS gpu_dark,
        coalesce(s.commitment_unused, 0) AS commitment_unused, coalesce(s.unallocated, 0) AS unallocated
    FROM charged AS c
    LEFT JOIN split AS s ON s.charge_id = c.charge_id
)
SELECT
    {{by}},
    currency,
    count(*) AS charges,
    count(*) - count(amount) AS null_amounts,
    sum(billed_cost) AS billed_cost,
    sum(bill) AS bill,
    sum(request) AS request,
    sum(direct) AS direct,
    sum(shared) AS shared,
    sum(unmetered) AS unmetered,
    sum(gpu_serving_untraced) AS gpu_serving_untraced,
    sum(gpu_allocated_idle) AS gpu_allocated_idle,
    sum(gpu_unallocated) AS gpu_unallocated,
    sum(gpu_dark) AS gpu_dark,
    sum(gpu_serving_untraced) + sum(gpu_allocated_idle) + sum(gpu_unallocated) + sum(gpu_dark) AS gpu_idle,
    sum(commitment_unused) AS commitment_unused,
    sum(unallocated) AS unallocated,
    sum(leaves) AS leaves,
    sum(bill) - sum(leaves) AS difference,
    sum(CASE WHEN bill <> leaves THEN 1 ELSE 0 END) AS unbalanced
FROM entries
GROUP BY {{by}}, currency
ORDER BY {{by}}, currency
