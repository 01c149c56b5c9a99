/* All request leaves, billed and accrued, of model APIs and of GPUs: what attempts cost.

money: amount in currency
*/
SELECT * FROM leaf_model_api WHERE leaf = 'request'
UNION ALL
SELECT * FROM gpu_leaves WHERE leaf = 'request'
