/* Charges of kind model_api with what they say of tokens: whose attempts they are for, which classes of
tokens, and how many.

pool: the model, where the texts of the charge name one; '' where they name none and the units are tokens
(attempts whose model is in no registry entry); '*' for a fee without token units (the whole provider).
of_uncached … of_output: the classes the charge pays for; all of them where it does not say. class: the one
class, where it is one; NULL where the charge mixes several. tokens: ConsumedQuantity in units of tokens,
whatever the unit counts ("1K tokens", "1000000 Tokens"), else PricingQuantity; NULL where neither unit is
tokens, as in the storage of a cache by token-hours.

money: amount, billed_cost, effective_cost, list_cost, contracted_cost, list_unit_price, contracted_unit_price, split_cost, split_unused_cost in currency, billing_currency
money: pricing_currency_effective_cost, pricing_currency_list_unit_price, pricing_currency_contracted_unit_price in pricing_currency
*/
WITH texts AS (
    SELECT
        *,
        lower(json_field(sku_price_details, 'TokenDirection')) AS direction,
        lower(json_field(sku_price_details, 'TokenCacheAction')) AS cache_action,
        lower(coalesce(sku_meter, '')) AS meter,
        lower(coalesce(charge_description, '')) AS description
    FROM costs
    WHERE kind = 'model_api'
),

said AS (
    SELECT
        *,
        CASE
            WHEN direction IN ('input', 'output') OR cache_action IN ('uncached', 'read', 'write', 'other')
                THEN 'details'
            WHEN meter LIKE '%cach%' OR meter LIKE '%input%' OR meter LIKE '%output%' THEN 'text'
            WHEN description LIKE '%cach%' OR description LIKE '%input%' OR description LIKE '%output%' THEN 'text'
            ELSE 'nothing'
        END AS source_of_class,
        CASE
            WHEN meter LIKE '%cach%' OR meter LIKE '%input%' OR meter LIKE '%output%' THEN meter
            ELSE description
        END AS words
    FROM texts
),

-- A property that is left out of SkuPriceDetails means that the meter mixes its values.
classed AS (
    SELECT
        * EXCEPT (direction, cache_action, meter, description, source_of_class, words),
        CASE
            WHEN model IS NOT NULL THEN model
            WHEN token_units THEN ''
            ELSE '*'
        END AS pool,
        CASE source_of_class
            WHEN 'details'
                THEN coalesce(direction, 'input') = 'input' AND coalesce(cache_action, 'uncached') = 'uncached'
            WHEN 'text' THEN words NOT LIKE '%cach%' AND words LIKE '%input%'
            ELSE true
        END AS of_uncached,
        CASE source_of_class
            WHEN 'details'
                THEN coalesce(direction, 'input') = 'input' AND coalesce(cache_action, 'read') IN ('read', 'other')
            WHEN 'text'
                THEN
                    (words LIKE '%cach%' AND words NOT LIKE '%write%' AND words NOT LIKE '%creation%')
                    OR (words NOT LIKE '%cach%' AND words LIKE '%input%' AND words LIKE '%output%')
            ELSE true
        END AS of_read,
        CASE source_of_class
            WHEN 'details'
                THEN coalesce(direction, 'input') = 'input' AND coalesce(cache_action, 'write') IN ('write', 'other')
            WHEN 'text'
                THEN
                    (words LIKE '%cach%' AND (words LIKE '%write%' OR words LIKE '%creation%'))
                    OR (words NOT LIKE '%cach%' AND words LIKE '%input%' AND words LIKE '%output%')
            ELSE true
        END AS of_write,
        CASE source_of_class
            WHEN 'details'
                THEN direction = 'output' OR (direction IS NULL AND cache_action = 'uncached')
            WHEN 'text' THEN words NOT LIKE '%cach%' AND words LIKE '%output%'
            ELSE true
        END AS of_output
    FROM said
),

units AS (
    SELECT
        *,
        CASE
            WHEN consumed_quantity IS NOT NULL AND lower(consumed_unit) LIKE '%token%' THEN consumed_quantity
            WHEN lower(pricing_unit) LIKE '%token%' THEN pricing_quantity
        END AS quantity,
        CASE
            WHEN consumed_quantity IS NOT NULL AND lower(consumed_unit) LIKE '%token%' THEN lower(consumed_unit)
            WHEN lower(pricing_unit) LIKE '%token%' THEN lower(pricing_unit)
        END AS unit
    FROM classed
),

-- "1,000 tokens" and "1k tokens" count thousands; a letter or word multiplies the number before it.
counted AS (
    SELECT
        *,
        TRY_CAST(coalesce(nullif(regexp_replace(unit, '[^0-9]', '', 'g'), ''), '1') AS DECIMAL(38, 0))
        * CASE
            WHEN regexp_like(unit, '(^|[^a-z])(b|bn|billion)[ _-]*tokens?') THEN 1000000000
            WHEN regexp_like(unit, '(^|[^a-z])(m|mn|mio|million)s?[ _-]*tokens?') THEN 1000000
            WHEN regexp_like(unit, '(^|[^a-z])(k|thousand)s?[ _-]*tokens?') THEN 1000
            ELSE 1
        END AS unit_tokens
    FROM units
)

SELECT
    * EXCEPT (quantity, unit, unit_tokens),
    CASE
        WHEN of_uncached AND NOT of_read AND NOT of_write AND NOT of_output THEN 'uncached_input'
        WHEN of_read AND NOT of_uncached AND NOT of_write AND NOT of_output THEN 'cache_read'
        WHEN of_write AND NOT of_uncached AND NOT of_read AND NOT of_output THEN 'cache_write'
        WHEN of_output AND NOT of_uncached AND NOT of_read AND NOT of_write THEN 'output'
    END AS class,
    CASE WHEN unit NOT LIKE '%hour%' THEN money_mul(quantity, unit_tokens) END AS tokens
FROM counted
