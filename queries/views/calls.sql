/* Requests, one row per attempt, with the names of the registry, the request they belong to and their
list cost.

use_case: the request's own tag, else the alias of its key, else of its team. request: request_id of the
first attempt of the same request. Attempts of one request share a call_id inside their task; where the
producer wrote none, a row belongs to the row before it in its task when that one failed and both were
asked for the same model. Order is (started_at, source, request_id). The last attempt serves the answer;
the others are superseded. list_cost: Σ bucket × price of the price book at the attempt's start; NULL where
the model, or a bucket with tokens, has no price. contract_cost equals it until contract prices can be
given. uncached_cost … output_cost: the same per bucket; 0 without tokens, NULL without a price.

kept: leaves, tasks and metrics all start from it.

money: list_cost, contract_cost, uncached_cost, read_cost, write_cost, output_cost, cache_savings in list_currency
money: gateway_cost in gateway_currency
*/
WITH named AS (
    SELECT
        r.* EXCEPT (use_case),
        coalesce(r.use_case, k.use_case, t.use_case) AS use_case,
        coalesce(r.model_group, r.logged_model, '') AS asked
    FROM request_names AS r
    LEFT JOIN use_case_aliases AS k ON k.kind = 'key' AND k.alias = r.key_alias
    LEFT JOIN use_case_aliases AS t ON t.kind = 'team' AND t.alias = r.team
),

after AS (
    SELECT
        *,
        lag(status) OVER task AS status_before,
        lag(asked) OVER task AS asked_before
    FROM named
    WINDOW task AS (PARTITION BY task_id, call_id ORDER BY started_at, source, request_id)
),

grouped AS (
    SELECT
        *,
        sum(
            CASE
                WHEN call_id IS NOT NULL THEN 0
                WHEN status_before = 'failure' AND asked_before = asked THEN 0
                ELSE 1
            END
        ) OVER (
            PARTITION BY task_id, call_id ORDER BY started_at, source, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS place
    FROM after
),

numbered AS (
    SELECT
        *,
        first_value(request_id) OVER attempts AS request,
        CAST(row_number() OVER attempts AS BIGINT) AS attempt,
        count(*) OVER (PARTITION BY task_id, call_id, place) AS attempts
    FROM grouped
    WINDOW attempts AS (PARTITION BY task_id, call_id, place ORDER BY started_at, source, request_id)
),

priced AS (
    SELECT
        a.*,
        p.currency AS price_currency,
        p.input_cost_per_token AS input_price,
        p.cache_read_input_token_cost AS read_price,
        p.cache_creation_input_token_cost AS write_price,
        CASE WHEN a.uncached_input = 0 THEN 0 ELSE a.uncached_input * p.input_cost_per_token END AS uncached_cost,
        CASE WHEN a.cache_read = 0 THEN 0 ELSE a.cache_read * p.cache_read_input_token_cost END AS read_cost,
        CASE WHEN a.cache_write = 0 THEN 0 ELSE a.cache_write * p.cache_creation_input_token_cost END AS write_cost,
        CASE WHEN a.output = 0 THEN 0 ELSE a.output * p.output_cost_per_token END AS output_cost
    FROM numbered AS a
    LEFT JOIN price_periods AS p
        ON p.provider = a.provider
        AND p.model = a.model
        AND p.valid_from <= a.started_at
        AND (p.valid_until IS NULL OR a.started_at < p.valid_until)
),

listed AS (
    SELECT
        *,
        CASE
            WHEN gateway_cache_hit THEN 'gateway_cache'
            WHEN self_hosted THEN 'self_hosted'
            WHEN
                price_currency IS NULL
                OR uncached_cost IS NULL OR read_cost IS NULL OR write_cost IS NULL OR output_cost IS NULL
                THEN 'unpriced'
            ELSE 'priced'
        END AS price_status
    FROM priced
),

summed AS (
    SELECT
        *,
        CASE price_status
            WHEN 'priced' THEN uncached_cost + read_cost + write_cost + output_cost
            WHEN 'gateway_cache' THEN 0
        END AS list_cost,
        CASE
            WHEN price_status = 'priced' THEN price_currency
            WHEN price_status = 'gateway_cache' THEN coalesce(price_currency, setting('reporting_currency'))
        END AS list_currency
    FROM listed
)

SELECT
    * EXCEPT (
        asked, status_before, asked_before, place, price_currency, input_price, read_price, write_price
    ),
    attempt < attempts AS superseded,
    list_cost AS contract_cost,
    CASE
        WHEN price_status = 'priced'
            THEN
                CASE WHEN cache_read = 0 THEN 0 ELSE cache_read * (input_price - read_price) END
                - CASE WHEN cache_write = 0 THEN 0 ELSE cache_write * (write_price - input_price) END
    END AS cache_savings
FROM summed
