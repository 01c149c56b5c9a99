#!/usr/bin/env python3
"""Spendscope and DuckDB on the same files of one made-up month, in turn; prints the table of benches/README.md.

Answers are compared before anything is timed. Only the standard library is needed; DuckDB is installed, pinned, into an
environment under the cache folder. Nothing is written into the checkout.
"""

import argparse
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import machine  # noqa: E402
from harness.duck import VERSION, Duck  # noqa: E402
from harness.month import Month  # noqa: E402
from harness.ours import Ours  # noqa: E402
from harness.table import markdown  # noqa: E402
from harness.works import WORKS, Bench  # noqa: E402

# Others that keep more of the machine busy than this share make a ratio worthless.
QUIET = 0.10


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "spendscope", "bench")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000, help="size of the month (the reference is 10000000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds; both sides run in each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--telemetry-days", type=int, default=3, help="days of exporter text to ingest")
    parser.add_argument("--only", action="append", help=f"one work or several: {', '.join(WORKS)}, or a query such as q6")
    parser.add_argument("--binary", help="a release build; default: what `cargo build --release` makes")
    parser.add_argument("--cache", default=cache, help="folder for the month, the lakes and DuckDB's environment")
    parser.add_argument("--json", help="write everything that was measured to this file")
    parser.add_argument("--check", action="store_true", help="compare the answers only, time nothing")
    arguments = parser.parse_args()

    binary = arguments.binary or built()
    os.makedirs(arguments.cache, exist_ok=True)
    month = Month(os.path.join(arguments.cache, f"month-{arguments.requests}-seed{arguments.seed}"))
    month.make(binary, arguments.requests, arguments.seed, say)
    work = os.path.join(arguments.cache, f"work-{arguments.requests}-seed{arguments.seed}")
    os.makedirs(work, exist_ok=True)
    duck = Duck(arguments.cache, work, arguments.threads)
    duck.install(say)
    ours = Ours(binary, month, work, arguments.threads)

    before = machine.describe()
    bench = Bench(
        ours, duck, month, arguments.requests, work, arguments.rounds, arguments.telemetry_days, arguments.check, say
    )
    chosen = arguments.only or list(WORKS)
    for name in chosen:
        if name not in WORKS and not any(query.startswith(name) for query in bench.query_names()):
            parser.error(f"--only {name}: no such work or query")
    rows = bench.measure(chosen)
    measured = {
        "machine": before,
        "load_average_after": [round(value, 2) for value in os.getloadavg()],
        "requests_asked_for": arguments.requests,
        "seed": arguments.seed,
        "rounds": arguments.rounds,
        "threads": arguments.threads,
        "duckdb": VERSION,
        "binary": ours.version,
        "rows": [row.as_dict(QUIET * before["processors"]) for row in rows],
        "differences": bench.differences,
    }
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(measured, file, indent=1)
            file.write("\n")
    print(markdown(measured))
    return 1 if bench.differences or any(row["verdict"] == "failed" for row in measured["rows"]) else 0


def built() -> str:
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    say("cargo build --release")
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=here, check=True)
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(here, "target")
    return os.path.join(target, "release", "spendscope")


if __name__ == "__main__":
    sys.exit(main())
