"""The table: one row per work, with what must hold, what was measured, and whether that may be called measured."""

import statistics
from dataclasses import dataclass, field


@dataclass
class Row:
    work: str
    must: float  # ratio of medians, DuckDB's ÷ ours; or the limit of `unit`
    aim: float
    ours: list[float] = field(default_factory=list)  # seconds a round, or the one figure
    theirs: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # processor seconds a round
    their_cpu: list[float] = field(default_factory=list)
    unit: str = "×"  # ×: a ratio that must be reached. Everything else: a limit that must not be passed
    amount: float = 0.0  # what a run works through, for a rate
    amount_unit: str = ""
    their_amount: float = 0.0
    peak: int = 0
    their_peak: int = 0
    others: list[float] = field(default_factory=list)
    note: str = ""
    failed: str = ""
    # Of queries: seconds of ours as whole processes a round; `ours` is the statements in an open session.
    whole: list[float] = field(default_factory=list)
    # Seconds and processor seconds of whole processes that found nothing kept, and their peak.
    first: list[float] = field(default_factory=list)
    first_peak: int = 0
    sizes: list[float] = field(default_factory=list)  # bytes, where the figure is a quotient of them

    def figure(self) -> float | None:
        if not self.ours:
            return None
        if self.unit == "×":
            return statistics.median(self.theirs) / statistics.median(self.ours)
        return max(self.ours) if self.unit == "MiB" else statistics.median(self.ours)

    def spread(self) -> tuple[float, float] | None:
        """Smallest and largest ratio of one round."""
        if self.unit != "×" or not self.ours:
            return None
        each = [theirs / ours for ours, theirs in zip(self.ours, self.theirs)]
        return min(each), max(each)

    def as_dict(self, quiet: float) -> dict[str, object]:
        figure, verdict = self.figure(), "not measured"
        busy = max(self.others, default=0.0)
        if self.failed:
            verdict = "failed"
        elif figure is not None:
            if not self.must:
                verdict = "measured"
            good = figure >= self.must if self.unit == "×" else figure <= self.must
            better = figure >= self.aim if self.unit == "×" else figure <= self.aim
            if self.must:
                verdict = "aim" if better else "pass" if good else "fail"
            # Memory and sizes do not depend on who else is at work.
            if busy > quiet and self.unit not in ("MiB", "size"):
                verdict = "busy"
        return {
            "work": self.work, "must": self.must, "aim": self.aim, "unit": self.unit, "figure": figure,
            "spread": self.spread(), "ours": self.ours, "duckdb": self.theirs, "ours_cpu": self.cpu,
            "duckdb_cpu": self.their_cpu, "amount": self.amount,
            "amount_unit": self.amount_unit, "peak_bytes": self.peak, "duckdb_peak_bytes": self.their_peak,
            "sizes": self.sizes, "ours_whole": self.whole, "ours_first": self.first,
            "ours_first_peak_bytes": self.first_peak, "others_busy": round(busy, 2), "verdict": verdict, "note": self.failed or self.note,
        }


def _side(seconds: list[float], amount: float, unit: str, kind: str) -> str:
    if not seconds:
        return ""
    if kind == "MiB":
        return f"{max(seconds):.0f} MiB"
    if kind == "times":
        return ""
    if kind == "size":
        return f"{seconds[0] / 2**20:.1f} MiB"
    median = statistics.median(seconds)
    shown = f"{median * 1000:.0f} ms" if median < 1 else f"{median:.2f} s"
    return f"{shown}, {amount / median:,.0f} {unit}/s" if amount else shown


def _limit(value: float, unit: str) -> str:
    return {"×": f"≥ {value:g}×", "size": f"≤ {value:g}×", "times": f"≤ {value:g}×", "MiB": f"≤ {value:g} MiB", "s": f"≤ {value * 1000:g} ms"}[unit]


def _figure(row: dict) -> str:
    figure, unit = row["figure"], row["unit"]
    if figure is None:
        return ""
    if unit == "×":
        low, high = row["spread"]
        return f"**{figure:.2f}×** ({low:.2f} to {high:.2f})"
    return {"size": f"**{figure:.2f}×**", "times": f"**{figure:.2f}×**", "MiB": f"**{figure:.0f} MiB**", "s": f"**{figure * 1000:.0f} ms**"}[unit]


def _cpu(row: dict) -> str:
    if not row["ours_cpu"]:
        return ""
    ours, theirs = statistics.median(row["ours_cpu"]), statistics.median(row["duckdb_cpu"])
    if not theirs:
        return f"{ours:.2f}"
    return f"{ours:.2f} / {theirs:.2f} ({theirs / ours:.2f}×)"


def _whole(row: dict) -> str:
    if not row["ours_whole"]:
        return ""
    ours = statistics.median(row["ours_whole"])
    return f"{_side(row['ours_whole'], 0, '', '')} ({statistics.median(row['duckdb']) / ours:.2f}×)"


def _first(row: dict) -> str:
    return f"{row['ours_first'][0]:.1f}, {row['ours_first'][1]:.1f}" if row["ours_first"] else ""


def _peak(value: int) -> str:
    return f"{value / 2**20:.0f}" if value else ""


def markdown(measured: dict) -> str:
    host = measured["machine"]
    memory = f"{host['memory_bytes'] / 2**30:.0f} GiB" if host["memory_bytes"] else "memory unknown"
    lines = [
        f"{host['processor']}, {host['processors']} processors, {memory}, {host['system']}; load average "
        f"{host['load_average'][0]} before, {measured['load_average_after'][0]} after; DuckDB {measured['duckdb']}, "
        f"{measured['threads']} threads; month of {measured['requests_asked_for']} requests, seed {measured['seed']}; "
        f"{measured['rounds']} rounds; program {measured['binary']}.",
        "",
    ]
    if any(row["verdict"] == "busy" for row in measured["rows"]):
        lines += [
            "**NOT A MEASUREMENT: other programs kept the processors busy.** Rows marked `busy` say only that the harness "
            "works; run it again on a quiet machine.",
            "",
        ]
    lines += [
        "| work | must | aim | ours | DuckDB | ratio of medians (spread) | ours as whole processes | nothing kept yet: s, processor s | processor s of processes ours / DuckDB | peak MiB ours / DuckDB | others busy | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in measured["rows"]:
        unit = row["unit"]
        peaks = f"{_peak(row['peak_bytes'])} / {_peak(row['duckdb_peak_bytes'])}".strip(" /")
        lines.append(
            f"| {row['work']} | {_limit(row['must'], unit) if row['must'] else ''} | {_limit(row['aim'], unit) if row['aim'] else ''} "
            f"| {_side(row['ours'] if unit != 'size' else row['sizes'][:1], row['amount'], row['amount_unit'], unit)} "
            f"| {_side(row['duckdb'], row['amount'], row['amount_unit'], unit)} | {_figure(row)} | {_whole(row)} | {_first(row)} | {_cpu(row)} | {peaks} "
            f"| {row['others_busy']} | {row['verdict']} |"
        )
    notes = [f"- {row['work']}: {row['note']}" for row in measured["rows"] if row["note"]]
    if notes:
        lines += ["", *notes]
    if measured["differences"]:
        lines += ["", "Answers differ:", "", *[f"- {name}: {text}" for name, texts in measured["differences"].items() for text in texts[:5]]]
    return "\n".join(lines)
