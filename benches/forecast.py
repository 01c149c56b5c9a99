"""Our forecasts against StatsForecast's AutoETS and MSTL: the same series, the same origins, the same run.

    python -m venv ~/.cache/forecast && ~/.cache/forecast/bin/pip install statsforecast
    ~/.cache/forecast/bin/python benches/forecast.py target/release/spendscope [LAKE]
    SEED=7 ~/.cache/forecast/bin/python benches/forecast.py target/release/spendscope     # series that nothing was tuned on

Twelve seasonal series and twelve spend series are made from seeds; with a lake (of `spendscope demo`) its scopes
and services are added. At each origin both sides get the days before it and are held against the 28 days after.
Prints MASE and WAPE by group and method, their ratios, how often the bands held, and the time.
"""

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
HORIZON = 28
FIRST = dt.date(2025, 1, 6)


def classic(seed):
    """Seasonal series of the kinds that textbooks forecast, in days of a week."""
    rng = np.random.default_rng(seed)
    week = np.array([1.1, 1.15, 1.12, 1.08, 1.02, 0.8, 0.73])
    made = {}

    def noise(n, sd, rho=0.0):
        e = rng.normal(0, sd, n)
        for t in range(1, n):
            e[t] += rho * e[t - 1]
        return e

    def t_(n):
        return np.arange(n)

    def w_(n):
        return week[t_(n) % 7]

    n = 365
    made["level, additive week"] = 200 + 200 * (w_(n) - 1) + noise(n, 12)
    made["line, additive week"] = 100 + 0.5 * t_(n) + 60 * (w_(n) - 1) + noise(n, 8)
    made["line, multiplied week"] = (100 + 0.4 * t_(n)) * w_(n) * np.exp(noise(n, 0.05))
    made["exponential, multiplied week"] = 80 * np.exp(0.004 * t_(n)) * w_(n) * np.exp(noise(n, 0.06))
    made["damped growth"] = (300 - 200 * np.exp(-t_(n) / 90)) * w_(n) * np.exp(noise(n, 0.05))
    made["random walk"] = (200 + np.cumsum(noise(n, 3))) * w_(n) + noise(n, 6)
    made["autocorrelated"] = 200 * w_(n) + noise(n, 10, 0.7)
    made["week that changes"] = 200 * (1 + (w_(n) - 1) * np.linspace(0.3, 1.6, n)) + noise(n, 10)
    made["level shift"] = np.where(t_(n) < 230, 120, 180) * w_(n) * np.exp(noise(n, 0.05))
    made["turning trend"] = (100 + 0.6 * np.minimum(t_(n), 200) - 0.3 * np.maximum(t_(n) - 200, 0)) * w_(n) + noise(n, 7)
    made["heavy tails"] = 150 * w_(n) + 8 * rng.standard_t(3, n)
    n = 800
    made["year and week"] = 200 * w_(n) * (1 + 0.25 * np.sin(2 * np.pi * t_(n) / 365.25)) * np.exp(noise(n, 0.05))
    return {k: np.maximum(v, 0.01) for k, v in made.items()}


def spend(seed):
    """Spend as bills have it: growth, quiet week-ends, fees of the 1st, credits, one-offs, short histories."""
    rng = np.random.default_rng(seed)
    made = {}
    for i in range(12):
        n = [92, 120, 150, 200, 365, 92, 120, 150, 200, 365, 450, 92][i]
        t = np.arange(n)
        day = np.array([(FIRST + dt.timedelta(days=int(d))).weekday() for d in t])
        quiet = rng.uniform(0.25, 0.9)
        level = rng.uniform(20, 500) * np.exp(rng.uniform(-0.001, 0.006) * t)
        v = level * np.where(day > 4, quiet, 1.0) * np.exp(rng.normal(0, rng.uniform(0.04, 0.15), n))
        first = np.array([(FIRST + dt.timedelta(days=int(d))).day == 1 for d in t])
        last = np.array([(FIRST + dt.timedelta(days=int(d) + 1)).day == 1 for d in t])
        if i % 2 == 0:
            v = v + first * level.mean() * rng.uniform(1.5, 8)
        if i % 4 == 1:
            v = v + last * v * rng.uniform(0.8, 2.0)
        if i % 3 == 2:
            v[rng.integers(20, n - 40)] += level.mean() * 12
        if i == 7:
            v[t < 40] = 0
        made[f"spend {i + 1}"] = v
    return made


def sample(program, lake):
    """Scopes and services of a lake, as `metric run` gives them."""
    made = {}
    for by in ("scope", "service"):
        text = subprocess.run(
            [*program, "--lake", lake, "--now", "2026-10-03T06:00:00Z", "-q", "-o", "csv", "--currency", "USD", "metric", "run",
             "spend/daily", "--by", by, "--from", "2026-07-01", "--to", "2026-10-01"],
            check=True, capture_output=True, text=True).stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        days = sorted({r["day"] for r in rows})
        for name in sorted({r[by] for r in rows}):
            values = {r["day"]: float(r["amount"]) for r in rows if r[by] == name and r["currency"] == "USD"}
            series = np.array([values.get(d, 0.0) for d in days])
            if np.count_nonzero(series) >= 60:
                made[f"{by} {name}"] = (dt.date.fromisoformat(days[0]), series)
    return made


def cases(groups):
    """(group, name, first day, history, truth) at two origins of each series."""
    for group, series in groups.items():
        for name, values in series.items():
            first, values = values if isinstance(values, tuple) else (FIRST, values)
            for back in range(2):
                end = len(values) - HORIZON - (30 if len(values) > 150 else 11) * back
                if end >= 45:
                    yield group, f"{name} @{end}", first, values[:end], values[end:end + HORIZON]


def ours(program, todo):
    """One call for each case: a file of days and amounts in, JSON lines out."""
    found = {}
    for group, name, first, history, _ in todo:
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("day,amount\n")
            for at, value in enumerate(history):
                file.write(f"{first + dt.timedelta(days=at)},{value:.9f}\n")
            file.flush()
            out = subprocess.run([*program, "forecast", "--file", file.name, "--horizon", f"{HORIZON}d", "-q", "-o", "ndjson"],
                                 check=True, capture_output=True, text=True).stdout
        rows = [json.loads(line) for line in out.splitlines()]
        number = lambda column: np.array([float(r[column]) for r in rows])
        found[name] = {c: number(c) for c in ("expected", "low_80", "high_80", "low_95", "high_95")}
        found[name]["method"] = rows[0]["method"]
    return found


def theirs(todo):
    """AutoETS and MSTL with 80 % and 95 % intervals; and the one of the two that their cross-validation takes."""
    from statsforecast import StatsForecast
    from statsforecast.models import MSTL, AutoETS
    import pandas as pd

    found = {}
    for group, name, first, history, _ in todo:
        frame = pd.DataFrame({"unique_id": "x", "ds": pd.date_range(first, periods=len(history)), "y": history})
        models = [AutoETS(season_length=7), MSTL(season_length=[7], trend_forecaster=AutoETS(model="ZZN"))]
        sf = StatsForecast(models=models, freq="D")
        ahead = sf.forecast(df=frame, h=HORIZON, level=[80, 95])
        h = min(HORIZON, len(history) // 3)
        windows = max(1, min(4, (len(history) - h - 28) // 7 + 1))
        cv = sf.cross_validation(df=frame, h=h, step_size=7, n_windows=windows)
        best = min(("AutoETS", "MSTL"), key=lambda m: np.nansum(np.abs(cv[m] - cv["y"])))
        found[name] = {m: {"expected": ahead[m].to_numpy(), **{f"{s}_{l}": ahead[f"{m}-{k}-{l}"].to_numpy()
                       for s, k in (("low", "lo"), ("high", "hi")) for l in (80, 95)}} for m in ("AutoETS", "MSTL")}
        found[name]["their choice"] = found[name][best]
    return found


def table(todo, mine, others):
    names = ["ours", "AutoETS", "MSTL", "their choice", "seasonal-naive"]
    sums = {}
    for group, name, first, history, truth in todo:
        scale = max(np.mean(np.abs(history[7:] - history[:-7])), 1e-9)
        naive = {"expected": np.tile(history[-7:], 4)[:HORIZON]}
        for method in names:
            got = mine[name] if method == "ours" else naive if method == "seasonal-naive" else others[name][method]
            missed = np.abs(got["expected"] - truth)
            inside = [np.mean((got[f"low_{l}"] <= truth) & (truth <= got[f"high_{l}"])) if f"low_{l}" in got else np.nan for l in (80, 95)]
            width = [np.mean(got[f"high_{l}"] - got[f"low_{l}"]) / np.mean(truth) if f"low_{l}" in got else np.nan for l in (80, 95)]
            total = abs(got["expected"].sum() - truth.sum()) / truth.sum()
            row = (missed.mean() / scale, missed.sum() / truth.sum(), total, *inside, *width)
            for key in (group, "all"):
                sums.setdefault((key, method), []).append(row)
    groups = list(dict.fromkeys(c[0] for c in todo)) + ["all"]
    print(f"{'group':10} {'method':15} {'cases':>5} {'MASE':>7} {'WAPE':>7} {'total':>7} {'in 80%':>7} {'in 95%':>7} {'width80':>7} {'width95':>7} {'ours/it':>8}")
    for group in groups:
        base = np.mean([r[0] for r in sums[group, "ours"]])
        for method in names:
            rows = np.array(sums[group, method])
            means = rows.mean(axis=0)
            print(f"{group:10} {method:15} {len(rows):5} {means[0]:7.3f} {means[1]:7.2%} {means[2]:7.2%} {means[3]:7.1%} {means[4]:7.1%} "
                  f"{means[5]:7.2f} {means[6]:7.2f} {base / means[0]:8.3f}")


def main():
    program = sys.argv[1].split()
    seed = int(os.environ.get("SEED", "20260701"))
    groups = {"classic": classic(seed), "spend": spend(seed + 1)}
    if len(sys.argv) > 2:
        groups["sample"] = sample(program, sys.argv[2])
    todo = list(cases(groups))
    start = time.time()
    mine = ours(program, todo)
    middle = time.time()
    others = theirs(todo)
    table(todo, mine, others)
    print(f"{len(todo)} cases of {HORIZON} days; ours {middle - start:.1f} s, theirs {time.time() - middle:.1f} s")


if __name__ == "__main__":
    main()
