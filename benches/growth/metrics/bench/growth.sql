/*
title = "Growth"
description = "What months of several sizes cost this program, as benches/growth.py measured it."
formula = "processor seconds of whole processes, and their peak memory"
owner = "engineering"
grain = "one size of a month"
explain = "none: measured outside of the lake"
key = ["requests"]
columns = [
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Size asked for." },
    { name = "size", type = "text", role = "dimension", description = "The same in words." },
    { name = "rows_per_s", type = "float", role = "measure", unit = "rows/s", description = "Rows of gateway logs ingested per processor second." },
    { name = "ingest_peak", type = "float", role = "measure", unit = "MiB", description = "Peak memory of the ingest." },
    { name = "facts", type = "float", role = "measure", unit = "s", description = "The eight queries from facts." },
    { name = "found", type = "float", role = "measure", unit = "s", description = "The same as metrics that find their sums." },
    { name = "facts_peak", type = "float", role = "measure", unit = "MiB", description = "Peak memory of the queries from facts." },
    { name = "first_peak", type = "float", role = "measure", unit = "MiB", description = "Peak memory of metrics that work their sums out." },
    { name = "first", type = "float", role = "measure", unit = "s", description = "Metrics that work their sums out." },
]
*/
SELECT
    requests,
    size,
    rows_per_s,
    ingest_peak,
    facts,
    found,
    facts_peak,
    first_peak,
    first
FROM (VALUES
    {{figures}}
) AS f (requests, size, rows_per_s, ingest_peak, facts, found, facts_peak, first_peak, first)
ORDER BY requests
