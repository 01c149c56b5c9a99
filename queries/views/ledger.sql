/* Every billed amount under setting('basis'), split into leaves that add up to it exactly, and the accruals
of what is not billed yet. A leaf says where the money went (leaf), who used it (use_case, team) and what it
rests on (evidence: billed, accrued; modelled: a share inside it was estimated). Charges without an amount
make no leaf. Accruals stand beside the bill, and under every basis; they are no part of its sum.

money: amount in currency
*/
SELECT * EXCEPT (reporting_rate) FROM leaf_model_api
UNION ALL
SELECT * EXCEPT (reporting_rate) FROM gpu_leaves
UNION ALL
SELECT * EXCEPT (reporting_rate) FROM leaf_plain
