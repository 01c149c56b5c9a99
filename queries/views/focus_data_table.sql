/* The view focus under the name that the queries of FOCUS's use-case library use: one row per line of a bill.

columns, others as in focus:

money: BilledCost, EffectiveCost, ListCost, ContractedCost, ListUnitPrice, ContractedUnitPrice in BillingCurrency
money: PricingCurrencyEffectiveCost, PricingCurrencyListUnitPrice, PricingCurrencyContractedUnitPrice in PricingCurrency
*/
SELECT * FROM focus
