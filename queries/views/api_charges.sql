/* Which provider of the registry each charge of kind model_api is from; NULL where none claims it. See costs.

kept: they are few among the charges, and telling them apart takes a look at every charge.
*/
SELECT charge_id, provider_id
FROM costs
WHERE kind = 'model_api'
