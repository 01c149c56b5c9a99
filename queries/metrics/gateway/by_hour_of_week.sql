/*
title = "Requests by hour of the week"
description = """
When people and programs ask: requests by weekday and hour of the reporting time zone's clock, and how many an hour
had on average, since a month has some weekdays five times. A request stands in the hour in which its first attempt
started; answers of the gateway's cache count, for somebody asked. The days of a weekday are those of the window on
which anybody asked anything. An hour in which nobody ever asked has no row."""
formula = "requests ÷ days of the weekday in the window"
owner = "engineering"
grain = "one group, weekday and hour"
dimensions = ["use_case", "team", "key_alias"]
by = []
key = ["weekday", "hour"]
columns = [
    { name = "weekday", type = "text", role = "dimension", description = "Mon to Sun, in this order." },
    { name = "hour", type = "int", role = "dimension", description = "0 to 23 by the clock of the reporting zone." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests whose first attempt started in the hour." },
    { name = "days", type = "int", role = "measure", unit = "days", description = "Days of this weekday in the window with any request." },
    { name = "requests_per_hour", type = "decimal", role = "measure", unit = "requests", description = "requests ÷ days." },
]
[chart]
kind = "heatmap"
x = "hour"
y = "requests_per_hour"
series = "weekday"
[explain]
from = "asked"
[explain.columns]
requests = { count = "*" }
*/
WITH asked AS (
    SELECT
        use_case, team, key_alias,
        CAST(date_part('dow', local_day(started_at)) + 6 AS BIGINT) % 7 AS place,
        substr('MonTueWedThuFriSatSun', CAST(date_part('dow', local_day(started_at)) + 6 AS BIGINT) % 7 * 3 + 1, 3) AS weekday,
        hour_of_day(started_at) AS hour,
        local_day(started_at) AS day,
        source AS request_source, request_id, task_id
    FROM calls
    WHERE started_at >= $from AND started_at < $to AND request_id = request
),
seen AS (
    SELECT place, count(DISTINCT day) AS days
    FROM asked
    GROUP BY place
)
SELECT
    {{by}},
    a.weekday,
    a.hour,
    count(*) AS requests,
    max(s.days) AS days,
    ratio(count(*), max(s.days)) AS requests_per_hour
FROM asked AS a
INNER JOIN seen AS s ON s.place = a.place
GROUP BY {{by}}, a.place, a.weekday, a.hour
ORDER BY {{by}}, a.place, a.hour
