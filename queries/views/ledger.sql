/* Every billed amount under setting('basis'), split into leaves that add up to it exactly, and the accruals
of what is not billed yet. A leaf says where the money went (leaf), who used it (use_case, team) and what it
rests on (evidence: billed, accrued; modelled: a share inside it was estimated). Charges without an amount
make no leaf. Accruals stand beside the bill, and under every basis; they are no part of its sum.

columns:
period_start: When the time began that the leaf is for, inclusive.
period_end: When it ended, exclusive.
leaf: Where the money went: request, unmetered, direct, shared, unallocated, idle states of GPUs and others.
kind: The kind of its charge, as in costs.
scope: AI, Cloud, SaaS, Data Centre or Licensing.
provider: Who provides the service; of a model, the provider by the registry.
service: ServiceName of its charge.
model: The model that it pays for.
use_case: Who used it; NULL where nobody can be told.
team: The team of the request.
key_alias: The key of the request, by the name its operator gave it.
currency: Currency of the amount.
amount [currency]: What the leaf carries. The leaves of a charge add up to its amount exactly.
evidence: billed, or accrued: metered, and no bill speaks of it yet.
modelled: Its share of the charge was estimated by weights.
charge_id: The line of the bill; NULL of an accrual.
task_id: The task of the request.
request_id: The attempt.
request_source: The gateway's log that the attempt stands in.
started_at: When the attempt started.
wasted: The attempt failed, or was superseded by a later one.
host: The GPU node.
sub_account: SubAccountId of its charge.
region: RegionId of its charge, else the region of the attempt.
fx_rate [setting('currency') per currency]: Rate of the day its period starts; NULL where there is none.
amount_converted [setting('currency')]: amount × fx_rate; NULL without a rate.

money: amount in currency
*/
SELECT * EXCEPT (reporting_rate, request_region, uncached_cost, read_cost, write_cost, output_cost) FROM leaf_model_api
UNION ALL
SELECT * EXCEPT (reporting_rate, request_region) FROM gpu_leaves
UNION ALL
SELECT * EXCEPT (reporting_rate) FROM leaf_plain
