/* Words that logs use for service tiers, and the tier they mean. A word that is not here is the tier of its own
name. A price book says which tiers it prices; what it does not price, it prices as standard. */
SELECT word, tier
FROM (
    VALUES
        ('auto', 'standard'),
        ('default', 'standard'),
        ('on_demand', 'standard'),
        ('on-demand', 'standard'),
        ('standard', 'standard'),
        ('standard_only', 'standard'),
        ('batches', 'batch'),
        ('fast', 'priority')
) AS tiers (word, tier)
