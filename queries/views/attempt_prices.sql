/* Attempts at a provider with their tokens parted by rate, the rates that hold for them under contract (at list where
none does), and what they cost by those: what a what-if on history changes one thing of.

The parts are disjoint: text_in, audio_in and image_in are the uncached input, write_5m and write_1h what was written
to a cache, text_out, thought, audio_out and image_out the output. cost is contract_cost of the view calls, and NULL
for what is not paid for by the token: self-hosted, provisioned, unpriced. factor multiplies the rates for region and
tier. Answers from the cache of the gateway are left out: they cost nothing under any rate.

money: cost, input_rate, read_rate, write_rate, write_1h_rate, output_rate, reasoning_rate, audio_input_rate, image_input_rate, audio_output_rate, image_output_rate, search_rate in currency
*/
WITH attempted AS (
    SELECT
        source AS request_source, request_id, task_id, request, attempt, use_case, team, key_alias, region, provider,
        model, started_at, price_status, self_hosted, api_base, cache_read, web_searches,
        tags['inference_geo'] AS geo,
        coalesce(service_tier, 'standard') AS tier_word,
        uncached_input + cache_read + cache_write AS prompt,
        least(coalesce(audio_input, 0), uncached_input) AS audio_in,
        uncached_input - least(coalesce(audio_input, 0), uncached_input) AS other_in,
        coalesce(image_input, 0) AS image_input,
        cache_write,
        least(coalesce(cache_write_1h, 0), cache_write) AS write_1h,
        least(coalesce(audio_output, 0), output) AS audio_out,
        output - least(coalesce(audio_output, 0), output) AS other_out,
        coalesce(image_output, 0) AS image_output,
        reasoning
    FROM calls
    WHERE NOT gateway_cache_hit
),

parted AS (
    SELECT
        * EXCEPT (other_in, image_input, other_out, image_output, cache_write, reasoning),
        least(image_input, other_in) AS image_in,
        other_in - least(image_input, other_in) AS text_in,
        cache_write - write_1h AS write_5m,
        least(image_output, other_out) AS image_out,
        coalesce(least(reasoning, other_out - least(image_output, other_out)), 0) AS thought,
        other_out - least(image_output, other_out)
        - coalesce(least(reasoning, other_out - least(image_output, other_out)), 0) AS text_out
    FROM attempted
),

rated AS (
    SELECT
        a.*,
        p.tier,
        coalesce(p.contract_currency, p.currency) AS currency,
        CASE
            WHEN p.contract_factors IS NOT NULL
                THEN uplift(p.contract_factors, a.tier_word, a.region, a.geo, a.api_base)
        END AS factor,
        p.contract_input_rate AS input_rate,
        p.contract_read_rate AS read_rate,
        p.contract_write_rate AS write_rate,
        p.contract_write_1h_rate AS write_1h_rate,
        p.contract_output_rate AS output_rate,
        p.contract_reasoning_rate AS reasoning_rate,
        p.contract_audio_input_rate AS audio_input_rate,
        p.contract_image_input_rate AS image_input_rate,
        p.contract_audio_output_rate AS audio_output_rate,
        p.contract_image_output_rate AS image_output_rate,
        p.contract_search_rate AS search_rate
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
)

SELECT
    *,
    CASE
        WHEN price_status = 'priced'
            THEN
                token_cost(
                    factor, text_in, input_rate, audio_in, audio_input_rate, image_in, image_input_rate,
                    cache_read, read_rate, write_5m, write_rate, write_1h, write_1h_rate,
                    text_out, output_rate, thought, reasoning_rate, audio_out, audio_output_rate,
                    image_out, image_output_rate, web_searches, search_rate
                )
    END AS cost
FROM rated
