/* All request leaves, billed and accrued, of model APIs and of GPUs: what attempts cost. request_region: of the attempt.

money: amount in currency
*/
SELECT * EXCEPT (uncached_cost, read_cost, write_cost, output_cost) FROM leaf_model_api WHERE leaf = 'request'
UNION ALL
SELECT * FROM gpu_leaves WHERE leaf = 'request'
