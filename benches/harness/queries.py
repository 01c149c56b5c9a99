"""The eight queries: what is compared, how closely, and which metrics of the product answer them."""

from dataclasses import dataclass, field
from decimal import Decimal

MONTH = ["--from", "2026-09-01", "--to", "2026-10-01"]
FIRST = ["--from", "2026-09-01", "--to", "2026-09-16"]
SECOND = ["--from", "2026-09-16", "--to", "2026-10-01"]
# Quotients: DuckDB divides as floating point, ours to 18 places.
QUOTIENT = "1e-12"
# Sums of floating point in another order, and money that DuckDB splits as floating point.
FLOAT = "1e-9"


@dataclass
class Query:
    name: str
    keys: list[str]
    exact: list[str]
    close: dict[str, str] = field(default_factory=dict)
    # Metric runs that answer it.
    metrics: list[list[str]] = field(default_factory=list)
    # The lake on which the metrics' answers are checked. On the one without bills every amount is a list cost,
    # which an analyst can work out; on the full one it is the bill, split.
    lake: str = "full"
    # The answers of the metrics as one, in the columns compared.
    merge: object = None
    # Queries without a metric for all of it, and metrics that answer a finer question on the full lake.
    remark: str = ""


def _first(answers):
    return answers[0]


def _successful(answers):
    return [row for row in answers[0] if row["tasks"] not in ("", "0")]


def _variance(answers):
    return [row for row in answers[0] if row["model"]]


def _rates(answers):
    fallback = {row["model"]: row for row in answers[1]}
    return [{**row, "fallback_requests": fallback[row["model"]]["fallback_requests"],
             "fallback_rate": fallback[row["model"]]["fallback_rate"]} for row in answers[0]]


def _latency(answers):
    return [{**row, **{name: row[f"latency_ms_{name}"] for name in ("p50", "p95", "p99")}} for row in answers[0]]


def _gpu(answers):
    used = {(row["model"], row["day"]): row for row in answers[0]}
    merged = []
    for row in answers[1]:
        idle = sum(Decimal(row[name]) for name in ("allocated_idle_cost", "unallocated_cost", "dark_cost"))
        merged.append({**used[row["model"], row["day"]], "currency": row["currency"], "idle_cost": str(idle)})
    return merged


def _keys(answers):
    now, before = ({row["key_alias"]: Decimal(row["accrued"]) for row in rows} for rows in answers)
    names = sorted(now.keys() | before.keys())
    rows = [(name, now.get(name, Decimal(0)), before.get(name, Decimal(0))) for name in names]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return [{"key_alias": n, "amount": str(a), "before": str(b), "change": str(a - b)} for n, a, b in rows[:50]]


QUERIES = [
    Query(
        "q1_spend_per_day_and_scope", ["day", "scope", "currency"], ["amount", "charges"],
        metrics=[["spend/daily", *MONTH, "--currency", "native"]], merge=_first,
    ),
    Query(
        "q2_cost_per_successful_task", ["use_case"], ["requests", "tasks", "successes", "direct_cost"],
        {"cost_per_query": QUOTIENT, "cost_per_successful_task": QUOTIENT},
        metrics=[["unit/cost_per_successful_task", *MONTH]], lake="unbilled", merge=_successful,
        remark="on the full lake the metric splits the bill, adds shared and idle cost and an interval",
    ),
    Query(
        "q3_billed_against_metered", ["provider", "model", "day"], ["metered", "billed", "difference"],
        {"factor": QUOTIENT},
        metrics=[["ledger/variance", *MONTH, "--by", "provider", "--by", "model", "--by", "day"]], merge=_variance,
        remark="the metric says why, too: price, token class, coverage, timing, discount, credit",
    ),
    Query(
        "q4_latency_per_model_and_hour", ["model", "hour"], ["attempts", "p50", "p95", "p99"],
        metrics=[["gateway/latency_by_hour", *MONTH]], merge=_latency,
    ),
    Query(
        "q5_cache_and_fallback_per_model", ["model"], ["requests", "gateway_hits", "fallback_requests", "cache_read"],
        {"cache_token_hit_rate": QUOTIENT, "request_cache_hit_rate": QUOTIENT, "fallback_rate": QUOTIENT},
        metrics=[["gateway/cache_hit_rate", *MONTH], ["gateway/fallback_rate", *MONTH]], merge=_rates,
        remark="two metrics, two runs",
    ),
    Query(
        "q6_gpu_utilisation_and_idle", ["model", "day", "currency"], ["provisioned_s"],
        {"active_s": FLOAT, "utilization": FLOAT, "idle_cost": FLOAT},
        metrics=[
            ["gpu/utilization", *MONTH, "--by", "model", "--by", "day"],
            ["gpu/idle_cost", *MONTH, "--by", "model", "--by", "day", "--currency", "native"],
        ],
        merge=_gpu,
        remark="two metrics, two runs; the metric also tells whose serving time no request explains",
    ),
    Query(
        "q7_top_keys_and_change", ["key_alias"], ["amount", "before", "change"],
        metrics=[["spend/by_key", *SECOND], ["spend/by_key", *FIRST]], lake="unbilled", merge=_keys,
        remark="two windows, two runs; on the full lake amounts are the bill's",
    ),
    Query(
        "q8_task_cost_percentiles", ["use_case"], ["tasks", "cost", "p50", "p90", "p95", "p99", "max"],
        metrics=[["unit/task_cost_percentiles", *MONTH]], lake="unbilled", merge=_successful,
        remark="on the full lake the cost of a task is its part of the bill",
    ),
]

# What the gateway's own table in PostgreSQL is asked. Its money is floating point.
POSTGRES = [
    Query(
        "p1_cost_per_task", ["use_case"], ["tasks", "successes"],
        {"cost": FLOAT, "cost_per_task": FLOAT, "cost_per_successful_task": FLOAT},
    ),
    Query("p2_latency_per_hour", ["model", "hour"], ["attempts", "p50", "p95", "p99"]),
    Query("p3_top_keys", ["key_alias"], ["attempts"], {"cost": FLOAT}),
]
