/* The name under which the model charges of each provider of the registry come: of several, the one that sorts first. */
SELECT provider_id, min(biller) AS biller
FROM biller_months
GROUP BY provider_id
