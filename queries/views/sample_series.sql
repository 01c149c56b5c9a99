/* When each GPU and MIG instance was last read.

kept: which months depend on each other is read from it.
*/
SELECT gpu_uuid, mig_instance, max(sampled_at) AS last_sampled_at
FROM gpu_samples
GROUP BY gpu_uuid, mig_instance
