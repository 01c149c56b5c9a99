/* What price lists do not write down but providers do, by the provider's name in the list. threshold_inclusive:
a long-context price holds from its length on, and not only above it. A row of a list overrules it with a key
threshold_inclusive of its own (true or false). */
SELECT provider, threshold_inclusive
FROM (VALUES ('xai', true)) AS habits (provider, threshold_inclusive)
