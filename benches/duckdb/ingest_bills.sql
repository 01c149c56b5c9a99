-- FOCUS bills to Parquet: every column, costs, prices and quantities as decimals. One file of the billing month: it
-- is replaced as a whole, and a folder a day would cost DuckDB more time here.
COPY (
    SELECT *
    FROM read_csv(
        {files},
        header = true,
        union_by_name = true,
        types = {
            'BilledCost': 'DECIMAL(38,18)', 'EffectiveCost': 'DECIMAL(38,18)', 'ListCost': 'DECIMAL(38,18)',
            'ContractedCost': 'DECIMAL(38,18)', 'ListUnitPrice': 'DECIMAL(38,18)',
            'ContractedUnitPrice': 'DECIMAL(38,18)', 'PricingQuantity': 'DECIMAL(38,18)',
            'ConsumedQuantity': 'DECIMAL(38,18)', 'BillingAccountId': 'VARCHAR', 'SubAccountId': 'VARCHAR',
            'BillingPeriodStart': 'TIMESTAMP', 'BillingPeriodEnd': 'TIMESTAMP',
            'ChargePeriodStart': 'TIMESTAMP', 'ChargePeriodEnd': 'TIMESTAMP', 'Tags': 'VARCHAR'
        }
    )
) TO '{out}' (FORMAT parquet, COMPRESSION zstd);
