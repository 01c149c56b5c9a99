/* Charges with their one scope, their one kind and their amount under setting('basis'); the columns of
charges and what the rules make of them.

scope: the user's rules, x_Scope as column or tag (one of the five, else ignored), an owned GPU node, AI
by category or by a model provider of the registry, the lists of queries/scopes, else Cloud. scope_rule
says which rule decided. kind: first match of section 3 of the ledger's definitions. model: the registry
model that the texts of a model_api charge name (model_ambiguous: two fit alike, so none), the model that
the node of a gpu charge serves.

The four cost columns are those of the bill, except where split costs move money from a parent to its
children (view split_costs); the sum is the bill's. covering_purchase: a purchase with a billed cost and an
effective cost of 0 (or, in an AWS bill, of the part that nobody used) pays for usage that the bill lists too:
a commitment, or prepaid credits. Of the two one may count. Under 'effective' and 'billed' the bill itself says
0 for the other; under 'list' and 'contracted', where both stand with a price, the usage counts and the
purchase is 0.

fx_rate: into setting('currency') by the rate of the UTC day on which the charge's period starts; NULL where
there is none, and under 'native'. reporting_rate: the same into the configured reporting currency, for
weights.

columns, others as in charges, charge_rules:
billed_cost, effective_cost, list_cost, contracted_cost [billing_currency]: The cost of the bill, after split costs moved
  money from a parent line to its children.
covering_purchase: It pays for usage that the bill lists too: a commitment, or prepaid credits.
tagged_use_case: The use case that its tag use_case names, where the configuration has it.
token_units: It counts in tokens.
scope: AI, Cloud, SaaS, Data Centre or Licensing.
scope_rule: Which rule decided its scope.
kind: model_api, gpu, commitment_purchase, commitment_unused, tagged or other.
amount [currency]: What counts under setting('basis').
currency: The currency of the bill; billing_currency under another name.
model: The registry model that it pays for; NULL where its texts name none.
model_ambiguous: Two models fit it alike, so that none does.
fx_rate [setting('currency') per currency]: Rate of the day its period starts; NULL where there is none.
reporting_rate [reporting currency per currency]: The same into the configured reporting currency.
amount_converted [setting('currency')]: amount × fx_rate; NULL without a rate.

money: amount, billed_cost, effective_cost, list_cost, contracted_cost in currency, billing_currency
money: pricing_currency_effective_cost in pricing_currency
*/
WITH lines AS (
    SELECT
        r.* EXCEPT (billed_cost, effective_cost, list_cost, contracted_cost),
        CASE WHEN s.found THEN s.billed_cost ELSE r.billed_cost END AS billed_cost,
        CASE WHEN s.found THEN s.effective_cost ELSE r.effective_cost END AS effective_cost,
        CASE WHEN s.found THEN s.list_cost ELSE r.list_cost END AS list_cost,
        CASE WHEN s.found THEN s.contracted_cost ELSE r.contracted_cost END AS contracted_cost,
        coalesce(
            r.charge_category = 'Purchase'
            AND ((r.billed_cost <> 0 AND r.effective_cost = 0) OR r.commitment_discount_status = 'Unused'),
            false
        ) AS covering_purchase
    FROM charge_rules AS r
    LEFT JOIN split_costs AS s ON s.charge_id = r.charge_id
),

told AS (
    SELECT
        r.*,
        r.extra['x_Scope'] AS column_scope,
        r.tags['x_Scope'] AS tag_scope,
        n.host AS node,
        n.purchase AS node_purchase,
        n.model AS node_model,
        u.use_case AS tagged_use_case,
        coalesce(lower(r.consumed_unit) LIKE '%token%', false)
        OR coalesce(lower(r.pricing_unit) LIKE '%token%', false) AS token_units,
        CAST(r.charge_period_start AS DATE) AS start_day
    FROM lines AS r
    LEFT JOIN gpu_nodes AS n ON n.resource_id = r.resource_id
    LEFT JOIN use_cases AS u ON u.use_case = r.tags['use_case']
),

scoped AS (
    SELECT
        *,
        CASE
            WHEN user_scope IS NOT NULL THEN user_scope
            WHEN column_scope IN ('AI', 'Cloud', 'SaaS', 'Data Centre', 'Licensing') THEN column_scope
            WHEN tag_scope IN ('AI', 'Cloud', 'SaaS', 'Data Centre', 'Licensing') THEN tag_scope
            WHEN node_purchase = 'owned' THEN 'Data Centre'
            WHEN
                service_category = 'AI and Machine Learning' OR provider_id IS NOT NULL OR provisioned_rule IS NOT NULL
                THEN 'AI'
            WHEN listed_scope IS NOT NULL THEN listed_scope
            ELSE 'Cloud'
        END AS scope,
        CASE
            WHEN user_scope IS NOT NULL THEN user_scope_rule
            WHEN column_scope IN ('AI', 'Cloud', 'SaaS', 'Data Centre', 'Licensing') THEN 'column x_Scope'
            WHEN tag_scope IN ('AI', 'Cloud', 'SaaS', 'Data Centre', 'Licensing') THEN 'tag x_Scope'
            WHEN node_purchase = 'owned' THEN concat('owned GPU node ', node)
            WHEN service_category = 'AI and Machine Learning' THEN 'service category'
            WHEN provider_id IS NOT NULL THEN concat('model provider ', provider_id)
            WHEN provisioned_rule IS NOT NULL THEN concat('provisioned[', provisioned_rule, ']')
            WHEN listed_scope IS NOT NULL THEN concat('list of ', listed_scope)
            ELSE 'everything else'
        END AS scope_rule
    FROM told
),

sorted AS (
    SELECT
        *,
        CASE
            WHEN charge_category = 'Purchase' AND commitment_discount_id IS NOT NULL THEN 'commitment_purchase'
            WHEN commitment_discount_status = 'Unused' THEN 'commitment_unused'
            WHEN
                charge_category = 'Usage'
                AND (provider_id IS NOT NULL OR provisioned_rule IS NOT NULL OR (scope = 'AI' AND token_units))
                THEN 'model_api'
            WHEN charge_category = 'Usage' AND node IS NOT NULL THEN 'gpu'
            WHEN tagged_use_case IS NOT NULL THEN 'tagged'
            ELSE 'other'
        END AS kind,
        CASE
            WHEN setting('basis') = 'billed' THEN billed_cost
            WHEN setting('basis') IN ('list', 'contracted') AND covering_purchase THEN 0
            WHEN setting('basis') = 'list' THEN list_cost
            WHEN setting('basis') = 'contracted' THEN contracted_cost
            ELSE effective_cost
        END AS amount
    FROM scoped
)

SELECT
    * EXCEPT (
        user_scope, user_scope_rule, listed_scope, named_model, column_scope, tag_scope, node, node_purchase,
        node_model, start_day
    ),
    billing_currency AS currency,
    CASE kind WHEN 'model_api' THEN nullif(named_model, '') WHEN 'gpu' THEN node_model END AS model,
    coalesce(kind = 'model_api' AND named_model = '', false) AS model_ambiguous,
    fx_rate(billing_currency, setting('currency'), start_day) AS fx_rate,
    fx_rate(billing_currency, setting('reporting_currency'), start_day) AS reporting_rate,
    money_mul(amount, fx_rate(billing_currency, setting('currency'), start_day)) AS amount_converted
FROM sorted
