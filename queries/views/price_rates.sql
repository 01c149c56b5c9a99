/* What a token costs: one row per provider, model, stretch of time, word for a service tier and step of the
prompt's length, with the rate of every kind of token worked out, at list and under contract.

A stretch goes from one change of the list or of a contract to the next. word: as logged in service_tier, else
'standard'; tier: what it means. A step holds for prompts of more than over and at most upto tokens (uncached,
read and written), and the whole attempt has its rates. A rate that a step does not have is that of the next lower
step; one that a tier does not have is the standard one, of a batch half of it. tier_priced: the list has some
price of the tier. A kind of its own (reasoning, audio, images, writes kept for an hour) without a rate has the
rate of its bucket. factors: what regions and tiers multiply by (function uplift).

contract_…: the same under contract. A contract's row for the model goes before its row for '*', all models of
the provider. What a contract prices, it prices at every step and in every tier, by the rules above; all else is
the list's, less its discount, if both are in one currency. contract_currency is NULL where no contract holds.

Only models that somebody called, or that the registry names.

kept: every attempt is priced from it.
*/
WITH wanted AS (
    SELECT model FROM requests WHERE model IS NOT NULL
    UNION
    SELECT model FROM models
),

listed AS (
    SELECT p.*
    FROM price_periods AS p
    LEFT SEMI JOIN wanted AS w ON w.model = p.model
    UNION ALL
    SELECT p.* FROM price_periods AS p WHERE p.model = '*' AND p.layer = 'contract'
),

pairs AS (
    SELECT provider, model FROM listed WHERE model <> '*' GROUP BY provider, model
),

-- Every row with each model that it speaks of.
spoken AS (
    SELECT p.price_id, p.layer, false AS for_all, p.provider, p.model, p.valid_from, p.valid_until
    FROM listed AS p
    WHERE p.model <> '*'
    UNION ALL
    SELECT p.price_id, p.layer, true AS for_all, a.provider, a.model, p.valid_from, p.valid_until
    FROM listed AS p
    INNER JOIN pairs AS a ON a.provider = p.provider
    WHERE p.model = '*'
),

changes AS (
    SELECT provider, model, valid_from AS moment FROM spoken
    UNION
    SELECT provider, model, valid_until AS moment FROM spoken WHERE valid_until IS NOT NULL
),

stretches AS (
    SELECT
        provider, model, moment AS valid_from,
        lead(moment) OVER (PARTITION BY provider, model ORDER BY moment) AS valid_until
    FROM changes
),

-- What holds in a stretch: at most one row of the list, and one of the contracts.
holding AS (
    SELECT
        s.provider, s.model, s.valid_from, s.valid_until, p.layer, p.price_id,
        row_number() OVER (
            PARTITION BY s.provider, s.model, s.valid_from, p.layer ORDER BY p.for_all
        ) AS place
    FROM stretches AS s
    INNER JOIN spoken AS p
        ON p.provider = s.provider
        AND p.model = s.model
        AND p.valid_from <= s.valid_from
        AND (p.valid_until IS NULL OR s.valid_from < p.valid_until)
),

held AS (
    SELECT h.*, p.currency, p.discount, p.factors, p.threshold_inclusive, p.entries
    FROM holding AS h
    INNER JOIN listed AS p ON p.price_id = h.price_id
    WHERE h.place = 1
),

entries AS (
    SELECT provider, model, valid_from, layer, entry['rate'] AS rate, entry['tier'] AS tier,
        entry['above'] AS above, entry['price'] AS price
    FROM (SELECT provider, model, valid_from, layer, unnest(entries) AS entry FROM held)
),

words AS (
    SELECT w.word, coalesce(t.tier, lower(w.word)) AS tier
    FROM (
        SELECT coalesce(service_tier, 'standard') AS word FROM requests
        UNION
        SELECT 'standard' AS word
    ) AS w
    LEFT JOIN service_tiers AS t ON t.word = lower(w.word)
),

steps AS (
    SELECT provider, model, valid_from, above FROM entries
    UNION
    SELECT provider, model, valid_from, 0 AS above FROM held
),

-- Of all prices for one kind of token, the nearest: by length of prompt, then by tier.
candidates AS (
    SELECT
        e.provider, e.model, e.valid_from, e.layer, e.rate, w.word, s.above,
        CASE
            WHEN e.tier = 'standard' AND w.tier = 'batch' AND e.rate <> 'search' THEN money_mul(e.price, 0.5)
            ELSE e.price
        END AS price,
        row_number() OVER (
            PARTITION BY e.provider, e.model, e.valid_from, e.layer, e.rate, w.word, s.above
            ORDER BY e.above DESC, e.tier = w.tier DESC
        ) AS place
    FROM entries AS e
    INNER JOIN words AS w ON w.tier = e.tier OR e.tier = 'standard'
    INNER JOIN steps AS s
        ON s.provider = e.provider AND s.model = e.model AND s.valid_from = e.valid_from AND s.above >= e.above
),

priced AS (
    SELECT
        provider, model, valid_from, word, above,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'input') AS l_input,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'read') AS l_read,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'write') AS l_write,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'write_1h') AS l_write_1h,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'output') AS l_output,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'reasoning') AS l_reasoning,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'audio_input') AS l_audio_input,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'image_input') AS l_image_input,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'audio_output') AS l_audio_output,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'image_output') AS l_image_output,
        max(price) FILTER (WHERE layer = 'list' AND rate = 'search') AS l_search,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'input') AS c_input,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'read') AS c_read,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'write') AS c_write,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'write_1h') AS c_write_1h,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'output') AS c_output,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'reasoning') AS c_reasoning,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'audio_input') AS c_audio_input,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'image_input') AS c_image_input,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'audio_output') AS c_audio_output,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'image_output') AS c_image_output,
        max(price) FILTER (WHERE layer = 'contract' AND rate = 'search') AS c_search
    FROM candidates
    WHERE place = 1
    GROUP BY provider, model, valid_from, word, above
),

tiers AS (
    SELECT provider, model, valid_from, tier FROM entries WHERE layer = 'list'
    GROUP BY provider, model, valid_from, tier
),

-- The share of the list price that is left where the contract has no price of its own.
ranked AS (
    SELECT
        s.provider, s.model, s.valid_from, s.above, w.word, w.tier,
        l.valid_until AS list_until, c.valid_until AS contract_until,
        l.price_id AS list_id, c.price_id AS contract_id,
        l.currency,
        CASE WHEN c.priced THEN c.currency WHEN NOT c.priced THEN l.currency END AS contract_currency,
        CASE WHEN NOT c.priced OR c.currency = l.currency THEN 1 - coalesce(c.discount, 0) END AS left_over,
        l.factors,
        coalesce(c.factors, l.factors) AS contract_factors,
        coalesce(l.threshold_inclusive, c.threshold_inclusive) AS threshold_inclusive,
        lead(s.above) OVER (PARTITION BY s.provider, s.model, s.valid_from, w.word ORDER BY s.above) AS next_above
    FROM steps AS s
    CROSS JOIN words AS w
    LEFT JOIN (SELECT * FROM held WHERE layer = 'list') AS l
        ON l.provider = s.provider AND l.model = s.model AND l.valid_from = s.valid_from
    LEFT JOIN (SELECT *, cardinality(entries) > 0 AS priced FROM held WHERE layer = 'contract') AS c
        ON c.provider = s.provider AND c.model = s.model AND c.valid_from = s.valid_from
),

both_layers AS (
    SELECT
        r.*,
        p.* EXCEPT (provider, model, valid_from, word, above),
        coalesce(p.c_input, money_mul(p.l_input, r.left_over)) AS k_input,
        coalesce(p.c_read, money_mul(p.l_read, r.left_over)) AS k_read,
        coalesce(p.c_write, money_mul(p.l_write, r.left_over)) AS k_write,
        coalesce(p.c_write_1h, money_mul(p.l_write_1h, r.left_over)) AS k_write_1h,
        coalesce(p.c_output, money_mul(p.l_output, r.left_over)) AS k_output,
        coalesce(p.c_reasoning, money_mul(p.l_reasoning, r.left_over)) AS k_reasoning,
        coalesce(p.c_audio_input, money_mul(p.l_audio_input, r.left_over)) AS k_audio_input,
        coalesce(p.c_image_input, money_mul(p.l_image_input, r.left_over)) AS k_image_input,
        coalesce(p.c_audio_output, money_mul(p.l_audio_output, r.left_over)) AS k_audio_output,
        coalesce(p.c_image_output, money_mul(p.l_image_output, r.left_over)) AS k_image_output,
        coalesce(p.c_search, money_mul(p.l_search, r.left_over)) AS k_search
    FROM ranked AS r
    LEFT JOIN priced AS p
        ON p.provider = r.provider AND p.model = r.model AND p.valid_from = r.valid_from
        AND p.word = r.word AND p.above = r.above
)

SELECT
    b.provider,
    b.model,
    b.valid_from,
    coalesce(b.list_until, b.contract_until) AS valid_until,
    b.word,
    b.tier,
    b.tier = 'standard' OR b.tier = 'batch' OR t.tier IS NOT NULL AS tier_priced,
    CASE
        WHEN b.above = 0 THEN -1
        WHEN b.threshold_inclusive THEN b.above - 1
        ELSE b.above
    END AS over,
    CASE
        WHEN b.next_above IS NULL THEN 9223372036854775807
        WHEN b.threshold_inclusive THEN b.next_above - 1
        ELSE b.next_above
    END AS upto,
    b.list_id,
    b.currency,
    b.factors,
    b.l_input AS input_rate,
    b.l_read AS read_rate,
    b.l_write AS write_rate,
    coalesce(b.l_write_1h, b.l_write) AS write_1h_rate,
    b.l_output AS output_rate,
    coalesce(b.l_reasoning, b.l_output) AS reasoning_rate,
    coalesce(b.l_audio_input, b.l_input) AS audio_input_rate,
    coalesce(b.l_image_input, b.l_input) AS image_input_rate,
    coalesce(b.l_audio_output, b.l_output) AS audio_output_rate,
    coalesce(b.l_image_output, b.l_output) AS image_output_rate,
    b.l_search AS search_rate,
    b.contract_id,
    b.contract_currency,
    b.contract_factors,
    b.k_input AS contract_input_rate,
    b.k_read AS contract_read_rate,
    b.k_write AS contract_write_rate,
    coalesce(b.k_write_1h, b.k_write) AS contract_write_1h_rate,
    b.k_output AS contract_output_rate,
    coalesce(b.k_reasoning, b.k_output) AS contract_reasoning_rate,
    coalesce(b.k_audio_input, b.k_input) AS contract_audio_input_rate,
    coalesce(b.k_image_input, b.k_input) AS contract_image_input_rate,
    coalesce(b.k_audio_output, b.k_output) AS contract_audio_output_rate,
    coalesce(b.k_image_output, b.k_output) AS contract_image_output_rate,
    b.k_search AS contract_search_rate
FROM both_layers AS b
LEFT JOIN tiers AS t
    ON t.provider = b.provider AND t.model = b.model AND t.valid_from = b.valid_from AND t.tier = b.tier
