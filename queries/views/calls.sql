/* Requests, one row per attempt, with the names of the registry, the request they belong to and their
list cost.

use_case: the request's own tag, else the alias of its key, else of its team. request: request_id of the
first attempt of the same request, asked_at: when that one started; fell_back: its attempts were at more than one
model; request_failed: its last attempt did. Attempts of one request share a call_id inside their task; where the
producer wrote none, a row belongs to the row before it in its task when that one failed and both were
asked for the same model. Order is (started_at, source, request_id). The last attempt serves the answer;
the others are superseded. Most requests are one attempt: only those that share a call with others are put in order,
and few columns of them.

list_cost: Σ bucket × rate of price_rates at the attempt's start, for its service tier, the hour, and the length of
its whole prompt; NULL where the model, or a bucket with tokens, has no price. uncached_cost … output_cost: the same per
bucket, parts of it (audio, images, writes kept for an hour, reasoning) at their own rates; 0 without tokens, NULL
without a price. request_cost: what is metered by the request, such as web searches. What ran on provisioned
throughput has list cost 0, and its buckets say what they would cost on demand. contract_cost: the same under the
contracts that hold, in contract_currency; where none does, the list's. tier_unpriced: its service tier
has no price of its own, and the standard one stands in. price_lacks: what an unpriced attempt has no price for.

columns, others as in request_names:
use_case: The request's own tag, else the use case of its key, else of its team.
request: The request_id of the first attempt of the same request.
asked_at: When the first attempt of the request started.
attempt: Its place among the attempts of the request, counted from 1.
attempts [attempt]: How many attempts the request took.
fell_back: The attempts of the request were at more than one model.
request_failed: The last attempt of the request failed.
superseded: A later attempt of the request serves the answer.
uncached_cost [list_currency]: uncached_input at list price; NULL without a price.
read_cost [list_currency]: cache_read at list price.
write_cost [list_currency]: cache_write at list price.
output_cost [list_currency]: output at list price, reasoning included.
request_cost [list_currency]: What is metered by the request, such as web searches.
price_status: priced, unpriced, provisioned (paid for by the hour), self_hosted or gateway_cache.
list_cost [list_currency]: What the attempt costs at list price; NULL where a price is missing.
list_currency: Currency of the price list.
list_id: The price list that holds.
contract_id: The contract that holds; NULL: none.
tier_unpriced: Its service tier has no price of its own, and the standard one stands in.
price_lacks: What an unpriced attempt has no price for.
contract_cost [contract_currency]: list_cost under the contracts that hold; where none does, the list's.
contract_currency: Currency of contract_cost.
cache_savings [list_currency]: What the cache saved at list price, less what writing to it cost more.

kept: leaves, tasks and metrics all start from it.
months: started_at of attempts

money: list_cost, uncached_cost, read_cost, write_cost, output_cost, cache_savings in list_currency
money: contract_cost in contract_currency
money: gateway_cost in gateway_currency
*/
WITH chains AS (
    SELECT task_id, coalesce(call_id, '') AS call
    FROM requests
    GROUP BY 1, 2
    HAVING count(*) > 1
),

-- Rows of a few lots in order, not of every task: windows over many small partitions take longest.
links AS (
    SELECT
        right(r.task_id, 1) AS lot,
        r.task_id, r.call_id, r.started_at, r.source, r.request_id, r.status, r.model,
        coalesce(r.model_group, r.logged_model, '') AS asked
    FROM chains AS c
    INNER JOIN request_names AS r ON c.task_id = r.task_id AND c.call = coalesce(r.call_id, '')
),

after AS (
    SELECT
        *,
        row_number() OVER in_order AS at,
        lag(task_id) OVER in_order AS task_before,
        lag(call_id) OVER in_order AS call_before,
        lag(status) OVER in_order AS status_before,
        lag(asked) OVER in_order AS asked_before
    FROM links
    WINDOW in_order AS (PARTITION BY lot ORDER BY task_id, call_id, started_at, source, request_id)
),

placed AS (
    SELECT
        lot, source, request_id, started_at, status, model, at,
        max(
            CASE
                WHEN task_before = task_id AND call_before = call_id THEN NULL
                WHEN
                    task_before = task_id AND call_before IS NULL AND call_id IS NULL
                    AND status_before = 'failure' AND asked_before = asked
                    THEN NULL
                ELSE at
            END
        ) OVER (PARTITION BY lot ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS first_at
    FROM after
),

chained AS (
    SELECT
        lot,
        first_at,
        first_value(request_id ORDER BY at) AS request,
        min(started_at) AS asked_at,
        count(*) AS attempts,
        coalesce(min(model) <> max(model), false) AS fell_back,
        last_value(status ORDER BY at) AS last_status
    FROM placed
    GROUP BY lot, first_at
    HAVING count(*) > 1
),

linked AS (
    SELECT
        p.source, p.request_id, CAST(p.at - p.first_at + 1 AS BIGINT) AS attempt,
        c.request, c.asked_at, c.attempts, c.fell_back, c.last_status
    FROM chained AS c
    INNER JOIN placed AS p ON p.lot = c.lot AND p.first_at = c.first_at
),

numbered AS (
    SELECT
        r.* EXCEPT (use_case),
        coalesce(r.use_case, k.use_case, t.use_case) AS use_case,
        coalesce(c.request, r.request_id) AS request,
        coalesce(c.asked_at, r.started_at) AS asked_at,
        coalesce(c.attempt, 1) AS attempt,
        coalesce(c.attempts, 1) AS attempts,
        coalesce(c.fell_back, false) AS fell_back,
        coalesce(c.last_status, r.status) = 'failure' AS request_failed
    FROM linked AS c
    RIGHT JOIN request_names AS r ON c.source = r.source AND c.request_id = r.request_id
    LEFT JOIN use_case_aliases AS k ON k.kind = 'key' AND k.alias = r.key_alias
    LEFT JOIN use_case_aliases AS t ON t.kind = 'team' AND t.alias = r.team
),

-- Parts never exceed their bucket, whatever was logged.
parted AS (
    SELECT
        *,
        uncached_input + cache_read + cache_write AS prompt,
        coalesce(service_tier, 'standard') AS tier_word,
        least(coalesce(audio_input, 0), uncached_input) AS audio_in,
        least(coalesce(image_input, 0), uncached_input - least(coalesce(audio_input, 0), uncached_input)) AS image_in,
        least(coalesce(cache_write_1h, 0), cache_write) AS write_1h,
        least(coalesce(audio_output, 0), output) AS audio_out,
        least(coalesce(image_output, 0), output - least(coalesce(audio_output, 0), output)) AS image_out
    FROM numbered
),

rated AS (
    SELECT
        a.*,
        least(a.reasoning, a.output - a.audio_out - a.image_out) AS thought,
        p.* EXCEPT (provider, model, valid_from, valid_until, word, tier, off_peak, off_peak_hours, over, upto),
        CASE
            WHEN p.factors IS NOT NULL
                THEN uplift(p.factors, a.tier_word, a.region, a.tags['inference_geo'], a.api_base)
        END AS factor
    FROM parted AS a
    LEFT JOIN price_rates AS p
        ON p.provider = a.provider
        AND p.model = a.model
        AND p.word = a.tier_word
        AND p.valid_from <= a.started_at
        AND (p.valid_until IS NULL OR a.started_at < p.valid_until)
        AND a.prompt > p.over
        AND a.prompt <= p.upto
        AND p.off_peak = coalesce(in_hours(p.off_peak_hours, a.started_at), false)
),

priced AS (
    SELECT
        *,
        token_cost(
            factor, uncached_input - audio_in - image_in, input_rate, audio_in, audio_input_rate,
            image_in, image_input_rate
        ) AS uncached_cost,
        token_cost(factor, cache_read, read_rate) AS read_cost,
        token_cost(factor, cache_write - write_1h, write_rate, write_1h, write_1h_rate) AS write_cost,
        token_cost(
            factor, output - thought - audio_out - image_out, output_rate, thought, reasoning_rate,
            audio_out, audio_output_rate, image_out, image_output_rate
        ) AS output_cost,
        token_cost(factor, web_searches, search_rate) AS request_cost
    FROM rated
),

listed AS (
    SELECT
        *,
        uncached_cost + read_cost + write_cost + output_cost + request_cost AS on_demand,
        CASE
            WHEN contract_currency IS NOT NULL
                THEN
                    token_cost(
                        CASE
                            WHEN contract_factors IS NOT NULL
                                THEN uplift(contract_factors, tier_word, region, tags['inference_geo'], api_base)
                        END,
                        uncached_input - audio_in - image_in, contract_input_rate, audio_in, contract_audio_input_rate,
                        image_in, contract_image_input_rate, cache_read, contract_read_rate,
                        cache_write - write_1h, contract_write_rate, write_1h, contract_write_1h_rate,
                        output - thought - audio_out - image_out, contract_output_rate,
                        thought, contract_reasoning_rate, audio_out, contract_audio_output_rate,
                        image_out, contract_image_output_rate, web_searches, contract_search_rate
                    )
        END AS under_contract,
        CASE
            WHEN gateway_cache_hit THEN 'gateway_cache'
            WHEN provisioned_rule IS NOT NULL THEN 'provisioned'
            WHEN self_hosted THEN 'self_hosted'
            WHEN
                currency IS NULL
                OR uncached_cost IS NULL OR read_cost IS NULL OR write_cost IS NULL OR output_cost IS NULL
                OR request_cost IS NULL
                THEN 'unpriced'
            ELSE 'priced'
        END AS price_status
    FROM priced
),

summed AS (
    SELECT
        *,
        CASE
            WHEN price_status = 'priced' THEN on_demand
            WHEN price_status IN ('gateway_cache', 'provisioned') THEN 0
        END AS list_cost,
        CASE
            WHEN price_status = 'priced' THEN currency
            WHEN price_status IN ('gateway_cache', 'provisioned')
                THEN coalesce(currency, setting('reporting_currency'))
        END AS list_currency
    FROM listed
)

SELECT
    * EXCEPT (
        prompt, tier_word, audio_in, image_in, write_1h, audio_out, image_out,
        thought, tier_priced, list_id, currency, factors, input_rate, read_rate, write_rate, write_1h_rate, output_rate,
        reasoning_rate, audio_input_rate, image_input_rate, audio_output_rate, image_output_rate, search_rate,
        contract_id, contract_currency, contract_factors, contract_input_rate, contract_read_rate, contract_write_rate,
        contract_write_1h_rate, contract_output_rate, contract_reasoning_rate, contract_audio_input_rate,
        contract_image_input_rate, contract_audio_output_rate, contract_image_output_rate, contract_search_rate,
        factor, on_demand, under_contract
    ),
    attempt < attempts AS superseded,
    list_id,
    contract_id,
    price_status = 'priced' AND NOT tier_priced AS tier_unpriced,
    CASE
        WHEN price_status <> 'unpriced' THEN NULL
        WHEN currency IS NULL THEN 'model'
        ELSE
            concat_ws(
                ', ',
                CASE WHEN uncached_cost IS NULL THEN 'uncached_input' END,
                CASE WHEN read_cost IS NULL THEN 'cache_read' END,
                CASE WHEN write_cost IS NULL THEN 'cache_write' END,
                CASE WHEN output_cost IS NULL THEN 'output' END,
                CASE WHEN request_cost IS NULL THEN 'web_searches' END
            )
    END AS price_lacks,
    CASE
        WHEN price_status IN ('priced', 'unpriced') AND contract_currency IS NOT NULL THEN under_contract
        ELSE list_cost
    END AS contract_cost,
    CASE
        WHEN price_status IN ('priced', 'unpriced') AND contract_currency IS NOT NULL THEN contract_currency
        ELSE list_currency
    END AS contract_currency,
    CASE
        WHEN price_status = 'priced'
            THEN
                token_cost(factor, cache_read, input_rate) - read_cost
                - (write_cost - token_cost(factor, cache_write, input_rate))
    END AS cache_savings
FROM summed
