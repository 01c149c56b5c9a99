-- What every query finds: views over the Parquet files, and the small tables in memory. Not timed.
CREATE VIEW requests AS SELECT * FROM read_parquet('{lake}/requests/*/*.parquet', hive_partitioning = true);
CREATE VIEW charges AS SELECT * FROM read_parquet('{lake}/charges.parquet');
CREATE VIEW gpu_samples AS SELECT * FROM read_parquet('{lake}/gpu_samples/*/*.parquet', hive_partitioning = true);
CREATE VIEW outcomes AS SELECT * FROM read_parquet('{lake}/outcomes.parquet');
CREATE TABLE gpu_nodes AS FROM read_csv('{registry}/gpu_nodes.csv', header = true);
CREATE TABLE models AS FROM read_csv('{registry}/models.csv', header = true);
CREATE TABLE aliases AS FROM read_csv('{registry}/aliases.csv', header = true);
-- The price book with the end of each row; prices of a token have at most twelve places.
CREATE TABLE prices AS
SELECT
    provider,
    model,
    valid_from,
    lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until,
    input_cost_per_token AS input_price,
    cache_read_input_token_cost AS read_price,
    cache_creation_input_token_cost AS write_price,
    output_cost_per_token AS output_price
FROM read_json('{prices}', columns = {
    provider: 'VARCHAR', model: 'VARCHAR', valid_from: 'TIMESTAMP', input_cost_per_token: 'DECIMAL(15,12)',
    cache_read_input_token_cost: 'DECIMAL(15,12)', cache_creation_input_token_cost: 'DECIMAL(15,12)',
    output_cost_per_token: 'DECIMAL(15,12)'
});
-- List cost of an attempt. A bucket without tokens costs nothing, whether it has a price or not; one with tokens and no
-- price makes the cost unknown. DECIMAL(12,0) × DECIMAL(15,12) stays below 38 digits.
CREATE MACRO bucket(tokens, price) AS CASE WHEN tokens = 0 THEN 0 ELSE tokens::DECIMAL(12,0) * price END;
CREATE VIEW attempts AS
SELECT
    r.* EXCLUDE (use_case),
    coalesce(r.use_case, a.use_case) AS use_case,
    CASE
        WHEN r.gateway_cache_hit THEN 0
        WHEN p.model IS NULL THEN NULL
        ELSE
            bucket(r.uncached_input, p.input_price) + bucket(r.cache_read, p.read_price)
            + bucket(r.cache_write, p.write_price) + bucket(r.output, p.output_price)
    END AS list_cost
FROM requests AS r
LEFT JOIN aliases AS a ON a.key_alias = r.key_alias
LEFT JOIN prices AS p
    ON p.provider = r.provider AND p.model = r.model
    AND r.started_at >= p.valid_from AND (p.valid_until IS NULL OR r.started_at < p.valid_until);
