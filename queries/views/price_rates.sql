/* What a token costs: one row per provider, model, stretch of time, word for a service tier and step of the
prompt's length, with the rate of every kind of token worked out, at list and under contract.

A stretch goes from one change of the list or of a contract to the next. word: as logged in service_tier, else
'standard', and 'batch' for what-ifs; tier: what it means. A step holds for prompts of more than over and at most upto tokens (uncached,
read and written), and the whole attempt has its rates. A rate that a step does not have is that of the next lower
step; one that a tier does not have is the standard one, of a batch half of it. tier_priced: the list has some
price of the tier. A kind of its own (reasoning, audio, images, writes kept for an hour) without a rate has the
rate of its bucket. factors: what regions and tiers multiply by (function uplift).
off_peak: the rates of the hours named in off_peak_hours, of a model whose list has such, in the
standard tier; both rows have the hours.

contract_…: the same under contract. A contract's row for the model goes before its row for '*', all models of
the provider. What a contract prices, it prices at every step and in every tier, by the rules above; all else is
the list's, less its discount, if both are in one currency. contract_currency is NULL where no contract holds; the rates are then the list's.

Only models that somebody called, or that the registry names.

kept: every attempt is priced from it.

money: input_rate, read_rate, write_rate, write_1h_rate, output_rate, reasoning_rate, audio_input_rate, image_input_rate, audio_output_rate, image_output_rate, search_rate in currency
money: contract_input_rate, contract_read_rate, contract_write_rate, contract_write_1h_rate, contract_output_rate, contract_reasoning_rate, contract_audio_input_rate, contract_image_input_rate, contract_audio_output_rate, contract_image_output_rate, contract_search_rate in contract_currency
*/
WITH wanted AS (
    SELECT model FROM requests WHERE model IS NOT NULL
    UNION
    SELECT model FROM models
),

pairs AS (
    SELECT p.provider, p.model
    FROM price_periods AS p
    LEFT SEMI JOIN wanted AS w ON w.model = p.model
    GROUP BY p.provider, p.model
),

-- Every row with each model that it speaks of.
spoken AS (
    SELECT
        a.provider, a.model, p.price_id, p.layer, p.model = '*' AS for_all, p.valid_from, p.valid_until
    FROM pairs AS a
    INNER JOIN price_periods AS p
        ON p.provider = a.provider AND (p.model = a.model OR (p.model = '*' AND p.layer = 'contract'))
),

changes AS (
    SELECT DISTINCT provider, model, unnest(make_array(valid_from, valid_until)) AS moment FROM spoken
),

stretches AS (
    SELECT
        provider, model, moment AS valid_from,
        lead(moment) OVER (PARTITION BY provider, model ORDER BY moment) AS valid_until
    FROM changes
    WHERE moment IS NOT NULL
),

-- Of each kind of row, at most one holds in a stretch.
holding AS (
    SELECT
        s.provider, s.model, s.valid_from, s.valid_until,
        max(p.price_id) FILTER (WHERE p.layer = 'list') AS list_id,
        coalesce(
            max(p.price_id) FILTER (WHERE p.layer = 'contract' AND NOT p.for_all),
            max(p.price_id) FILTER (WHERE p.layer = 'contract')
        ) AS contract_id
    FROM stretches AS s
    INNER JOIN spoken AS p
        ON p.provider = s.provider
        AND p.model = s.model
        AND p.valid_from <= s.valid_from
        AND (p.valid_until IS NULL OR s.valid_from < p.valid_until)
    GROUP BY s.provider, s.model, s.valid_from, s.valid_until
),

said_words AS (
    SELECT w.word, coalesce(t.tier, lower(w.word)) AS tier, false AS off_peak
    FROM (
        SELECT coalesce(service_tier, 'standard') AS word FROM requests
        UNION
        SELECT 'standard' AS word
        UNION
        SELECT 'batch' AS word
    ) AS w
    LEFT JOIN service_tiers AS t ON t.word = lower(w.word)
),

words AS (
    SELECT word, tier, off_peak FROM said_words
    UNION ALL
    SELECT word, 'off_peak' AS tier, true AS off_peak FROM said_words WHERE tier = 'standard'
),

stepped AS (
    SELECT
        h.*,
        l.currency AS list_currency,
        l.factors AS list_factors,
        l.input_cost_per_token AS list_input,
        l.output_cost_per_token AS list_output,
        l.cache_read_input_token_cost AS list_read,
        l.cache_creation_input_token_cost AS list_write,
        l.extra AS list_extra,
        l.extra['off_peak_pricing'] AS off_peak_hours,
        c.currency AS own_currency,
        c.factors AS own_factors,
        c.discount,
        c.input_cost_per_token AS own_input,
        c.output_cost_per_token AS own_output,
        c.cache_read_input_token_cost AS own_read,
        c.cache_creation_input_token_cost AS own_write,
        c.extra AS own_extra,
        cardinality(
            price_entries(
                c.input_cost_per_token, c.output_cost_per_token, c.cache_read_input_token_cost,
                c.cache_creation_input_token_cost, c.extra
            )
        ) > 0 AS priced,
        coalesce(l.threshold_inclusive, c.threshold_inclusive) AS inclusive,
        unnest(price_steps(l.extra, c.extra)) AS above
    FROM holding AS h
    LEFT JOIN price_periods AS l ON l.price_id = h.list_id
    LEFT JOIN price_periods AS c ON c.price_id = h.contract_id
),

resolved AS (
    SELECT
        s.*,
        w.word,
        w.tier,
        w.off_peak,
        lead(s.above) OVER (
            PARTITION BY s.provider, s.model, s.valid_from, w.word, w.off_peak ORDER BY s.above
        ) AS next_above,
        price_at(s.list_input, s.list_output, s.list_read, s.list_write, s.list_extra, w.tier, s.above) AS l,
        price_at(s.own_input, s.own_output, s.own_read, s.own_write, s.own_extra, w.tier, s.above) AS c,
        -- The share of the list price that is left where the contract has no price of its own.
        CASE
            WHEN NOT s.priced OR s.own_currency = s.list_currency THEN 1 - coalesce(s.discount, 0)
        END AS left_over
    FROM stepped AS s
    INNER JOIN words AS w ON NOT w.off_peak OR s.off_peak_hours IS NOT NULL
),

laid_over AS (
    SELECT
        *,
        coalesce(c['input'], money_mul(l['input'], left_over)) AS k_input,
        coalesce(c['read'], money_mul(l['read'], left_over)) AS k_read,
        coalesce(c['write'], money_mul(l['write'], left_over)) AS k_write,
        coalesce(c['write_1h'], money_mul(l['write_1h'], left_over)) AS k_write_1h,
        coalesce(c['output'], money_mul(l['output'], left_over)) AS k_output,
        coalesce(c['reasoning'], money_mul(l['reasoning'], left_over)) AS k_reasoning,
        coalesce(c['audio_input'], money_mul(l['audio_input'], left_over)) AS k_audio_input,
        coalesce(c['image_input'], money_mul(l['image_input'], left_over)) AS k_image_input,
        coalesce(c['audio_output'], money_mul(l['audio_output'], left_over)) AS k_audio_output,
        coalesce(c['image_output'], money_mul(l['image_output'], left_over)) AS k_image_output,
        coalesce(c['search'], money_mul(l['search'], left_over)) AS k_search
    FROM resolved
)

SELECT
    provider,
    model,
    valid_from,
    valid_until,
    word,
    tier,
    off_peak,
    CASE WHEN tier IN ('standard', 'off_peak') THEN off_peak_hours END AS off_peak_hours,
    l['tier_priced'] AS tier_priced,
    CASE
        WHEN above = 0 THEN -1
        WHEN inclusive THEN above - 1
        ELSE above
    END AS over,
    CASE
        WHEN next_above IS NULL THEN 9223372036854775807
        WHEN inclusive THEN next_above - 1
        ELSE next_above
    END AS upto,
    list_id,
    list_currency AS currency,
    list_factors AS factors,
    l['input'] AS input_rate,
    l['read'] AS read_rate,
    l['write'] AS write_rate,
    coalesce(l['write_1h'], l['write']) AS write_1h_rate,
    l['output'] AS output_rate,
    coalesce(l['reasoning'], l['output']) AS reasoning_rate,
    coalesce(l['audio_input'], l['input']) AS audio_input_rate,
    coalesce(l['image_input'], l['input']) AS image_input_rate,
    coalesce(l['audio_output'], l['output']) AS audio_output_rate,
    coalesce(l['image_output'], l['output']) AS image_output_rate,
    l['search'] AS search_rate,
    contract_id,
    CASE WHEN contract_id IS NOT NULL AND priced THEN own_currency WHEN contract_id IS NOT NULL THEN list_currency END
    AS contract_currency,
    coalesce(own_factors, list_factors) AS contract_factors,
    k_input AS contract_input_rate,
    k_read AS contract_read_rate,
    k_write AS contract_write_rate,
    coalesce(k_write_1h, k_write) AS contract_write_1h_rate,
    k_output AS contract_output_rate,
    coalesce(k_reasoning, k_output) AS contract_reasoning_rate,
    coalesce(k_audio_input, k_input) AS contract_audio_input_rate,
    coalesce(k_image_input, k_input) AS contract_image_input_rate,
    coalesce(k_audio_output, k_output) AS contract_audio_output_rate,
    coalesce(k_image_output, k_output) AS contract_image_output_rate,
    k_search AS contract_search_rate
FROM laid_over
