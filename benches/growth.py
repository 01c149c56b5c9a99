#!/usr/bin/env python3
"""How cost grows with size: ingest of gateway logs, the eight queries from facts and through the product, memory.

Measures months of several sizes one after the other, adds them to growth.json beside this file, and draws growth.png with the
program's own report (its queries are in growth/). Processor seconds, since they suffer less from others than the clock does.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import machine  # noqa: E402
from harness.month import Month  # noqa: E402
from harness.ours import Ours  # noqa: E402
from harness.queries import QUERIES  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FIGURES = os.path.join(HERE, "growth.json")
MIB = 1 << 20


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measured(cache: str, binary: str, requests: int, threads: int, product: bool) -> dict[str, float]:
    month = Month(os.path.join(cache, f"month-{requests}-seed1"))
    month.make(binary, requests, 1, say)
    work = os.path.join(cache, f"work-{requests}-seed1")
    os.makedirs(work, exist_ok=True)
    ours = Ours(binary, month, work, threads)
    machine.warm(month.logs)
    lake = os.path.join(work, "timed-lake")
    shutil.rmtree(lake, ignore_errors=True)
    say(f"{requests}: ingest")
    ingest = ours.ingest(lake, month.logs, "litellm")
    shutil.rmtree(lake)
    answer = os.path.join(work, "growth.csv")
    full = ours.lake("full")
    ours.run(full, "-o", "csv", "sql", "-c", "SELECT count(*) AS n FROM requests", answer=answer)
    with open(answer, encoding="utf-8") as file:
        rows = int(file.read().split()[1])
    told = {
        "requests": requests, "attempts": rows, "log_bytes": sum(os.path.getsize(path) for path in month.logs),
        "ingest_cpu_s": ingest.cpu, "ingest_s": ingest.seconds, "ingest_peak_mib": ingest.peak / MIB,
    }
    say(f"{requests}: the eight from facts")
    facts = [ours.script(full, ours.facts(query.name), answer) for query in QUERIES]
    told |= {
        "facts_cpu_s": sum(run.cpu for run in facts), "facts_s": sum(run.seconds for run in facts),
        "facts_peak_mib": max(run.peak for run in facts) / MIB,
    }
    if product:
        for name in ("first", "found"):
            say(f"{requests}: the eight through the product, {name}")
            if name == "first":
                shutil.rmtree(os.path.join(full, ".kept"), ignore_errors=True)
            runs = [ours.metric(full, metric, answer) for query in QUERIES for metric in query.metrics]
            told |= {
                f"product_{name}_cpu_s": sum(run.cpu for run in runs), f"product_{name}_s": sum(run.seconds for run in runs),
                f"product_{name}_peak_mib": max(run.peak for run in runs) / MIB,
            }
    return {name: round(value, 3) for name, value in told.items()}


def draw(binary: str, figures: list[dict[str, float]]) -> None:
    """The figures as rows of a metric, and the report that shows it."""
    def cell(row: dict[str, float], name: str) -> str:
        return f"CAST({row[name]:.6f} AS DOUBLE)" if name in row else "CAST(NULL AS DOUBLE)"

    rows = []
    for row in figures:
        rows.append(
            "(" + ", ".join([
                f"{row['requests']}", f"'{row['requests'] / 1e6:g} million'",
                f"CAST({row['attempts'] / row['ingest_cpu_s']:.3f} AS DOUBLE)", cell(row, "ingest_peak_mib"),
                cell(row, "facts_cpu_s"), cell(row, "product_found_cpu_s"),
                cell(row, "facts_peak_mib"), cell(row, "product_first_peak_mib"), cell(row, "product_first_cpu_s"),
            ]) + ")"
        )
    with tempfile.TemporaryDirectory() as folder:
        for path in ("metrics/bench/growth.sql", "reports/growth.toml"):
            os.makedirs(os.path.join(folder, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(HERE, "growth", path), encoding="utf-8") as file:
                text = file.read().replace("{{figures}}", ",\n    ".join(rows))
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(text)
        lake, out = os.path.join(folder, "lake"), os.path.join(folder, "out")
        window = ["--from", "2026-09-01", "--to", "2026-10-01", "--now", "2026-11-15T00:00:00Z"]
        subprocess.run([binary, "--lake", lake, "init"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(
            [binary, "--lake", lake, "--queries", folder, *window, "report", "growth", "--format", "png", "--out", out],
            cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )
        pictures = [name for name in os.listdir(out) if name.endswith(".png")]
        shutil.copyfile(os.path.join(out, pictures[0]), os.path.join(HERE, "growth.png"))


def main() -> int:
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "spendscope", "bench")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, action="append", default=[], help="a size; none: only draw again")
    parser.add_argument("--binary", required=True, help="a release build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", default=cache, help="as of compare.py")
    parser.add_argument("--no-product", action="store_true", help="leave the metrics out")
    arguments = parser.parse_args()

    figures = {}
    if os.path.exists(FIGURES):
        with open(FIGURES, encoding="utf-8") as file:
            figures = {row["requests"]: row for row in json.load(file)}
    for requests in arguments.requests:
        new = measured(arguments.cache, os.path.abspath(arguments.binary), requests, arguments.threads, not arguments.no_product)
        figures[requests] = new
        say(json.dumps(new))
        with open(FIGURES, "w", encoding="utf-8") as file:
            json.dump([figures[size] for size in sorted(figures)], file, indent=1)
            file.write("\n")
    draw(os.path.abspath(arguments.binary), [figures[size] for size in sorted(figures)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
