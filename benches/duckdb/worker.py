"""One DuckDB session in a process of its own: set up, then one statement that is timed. Run by `compare.py` in the
virtual environment that holds DuckDB. Argument: a JSON object. Answer: one JSON line on stdout."""

import csv
import json
import sys
import time

import duckdb

task = json.loads(sys.argv[1])
connection = duckdb.connect()
connection.execute(f"SET threads = {task['threads']}")
connection.execute(f"SET temp_directory = '{task['temporary']}'")
connection.execute("SET preserve_insertion_order = false")
connection.execute("SET TimeZone = 'UTC'")
for statement in task["setup"]:
    connection.execute(statement)

began, used = time.monotonic(), time.process_time()
for statement in task["statements"][:-1]:
    connection.execute(statement)
result = connection.execute(task["statements"][-1])
rows = result.fetchall()
seconds, cpu = time.monotonic() - began, time.process_time() - used

if task.get("answer"):
    with open(task["answer"], "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column[0] for column in result.description])
        writer.writerows(rows)
print(json.dumps({"seconds": seconds, "cpu": cpu, "rows": len(rows), "version": duckdb.__version__}))
