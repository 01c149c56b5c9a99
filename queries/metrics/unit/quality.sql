/*
title = "Quality scores"
description = """
What evaluators said of the tasks, by name of the score: of each task and score the newest counts. Scores of
different names have no common unit and are never mixed. A value that is not a number is counted, not guessed.
A task belongs to the window in which its first attempt started; last_model gave its last answer. coverage
says how many of the tasks were scored at all: an evaluator that looks at easy tasks flatters. There is no
cost per point: a point of one score buys nothing of another."""
formula = "mean = Σ score ÷ scored; share_at_least = scores of threshold or more ÷ scored"
owner = "engineering"
grain = "one group and score; NULL where no task of the group has one"
dimensions = ["use_case", "last_model", "variant", "state", "day"]
by = ["use_case", "last_model"]
key = ["score"]
columns = [
    { name = "score", type = "text", role = "dimension", description = "Name of the score." },
    { name = "tasks", type = "int", role = "measure", unit = "tasks", description = "Tasks of the group, scored or not." },
    { name = "scored", type = "int", role = "measure", unit = "tasks", description = "Tasks with this score." },
    { name = "not_a_number", type = "int", role = "measure", unit = "tasks", description = "Tasks whose value of this score is no number." },
    { name = "coverage", type = "decimal", role = "ratio", description = "scored ÷ tasks." },
    { name = "mean", type = "decimal", role = "number", unit = "points", description = "Σ score ÷ scored." },
    { name = "lowest", type = "decimal", role = "number", unit = "points", description = "The lowest score." },
    { name = "highest", type = "decimal", role = "number", unit = "points", description = "The highest score." },
    { name = "share_at_least", type = "decimal", role = "ratio", description = "Share of the scored tasks at the threshold or above." },
]
[params.threshold]
type = "decimal"
default = "0.5"
description = "A score of this or more is good enough."
[chart]
kind = "bar"
y = "mean"
series = "score"
[explain]
from = "joined"
keys = { currency = "" }
[explain.columns]
scored = { count = "task_id", where = "points IS NOT NULL" }
not_a_number = { count = "task_id", where = "score IS NOT NULL AND points IS NULL" }
points = { sum = "points", rate = "1" }
mean = { over = ["points", "scored"] }
good = { count = "task_id", where = "points >= $threshold" }
share_at_least = { over = ["good", "scored"] }
*/
WITH tasked AS (
    SELECT task_id, use_case, last_model, variant, state, local_day(first_started_at) AS day
    FROM tasks
    WHERE first_started_at >= $from AND first_started_at < $to
),
said AS (
    SELECT
        task_id, use_case, recorded_at, source, file_hash, file_row,
        unnest(map_keys(scores)) AS score,
        unnest(map_values(scores)) AS said
    FROM outcomes
    WHERE scores IS NOT NULL
),
newest AS (
    SELECT
        t.task_id,
        s.score,
        TRY_CAST(s.said AS DECIMAL(38, 18)) AS points,
        row_number() OVER (
            PARTITION BY t.task_id, s.score ORDER BY s.recorded_at DESC, s.source, s.file_hash, s.file_row
        ) AS place
    FROM tasked AS t
    INNER JOIN said AS s ON s.task_id = t.task_id AND (s.use_case IS NULL OR s.use_case = t.use_case)
),
joined AS (
    SELECT
        t.task_id, t.use_case, t.last_model, t.variant, t.state, t.day, n.score, n.points,
        CASE WHEN row_number() OVER (PARTITION BY t.task_id) = 1 THEN 1 ELSE 0 END AS task
    FROM tasked AS t
    LEFT JOIN (SELECT task_id, score, points FROM newest WHERE place = 1) AS n ON n.task_id = t.task_id
),
grouped AS (
    SELECT
        {{by}},
        score,
        sum(task) AS tasks,
        count(points) AS scored,
        count(score) - count(points) AS not_a_number,
        sum(points) AS points,
        min(points) AS lowest,
        max(points) AS highest,
        count(*) FILTER (WHERE points >= $threshold) AS good
    FROM joined
    GROUP BY {{by}}, score
),
spread AS (
    SELECT
        {{by}},
        score,
        sum(tasks) OVER (PARTITION BY {{by}}, 1) AS tasks,
        count(score) OVER (PARTITION BY {{by}}, 1) AS scores,
        scored, not_a_number, points, lowest, highest, good
    FROM grouped
)
SELECT
    {{by}},
    score,
    tasks,
    scored,
    not_a_number,
    ratio(scored, tasks) AS coverage,
    ratio(points, scored) AS mean,
    lowest,
    highest,
    ratio(good, scored) AS share_at_least
FROM spread
WHERE score IS NOT NULL OR scores = 0
ORDER BY {{by}}, score
