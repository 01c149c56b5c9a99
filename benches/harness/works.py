"""The works of the table: what each side does, in turn, and how the figures come about."""

import dataclasses
import glob
import json
import os
import shutil
import statistics

from . import answers, machine
from .duck import Duck, listed
from .month import Month
from .ours import Ours, as_sql
from .postgres import Postgres
from .queries import POSTGRES, QUERIES, Query
from .table import Row
from .year import Year

WORKS = [
    "logs", "logs-gz", "logs-zst", "bills", "dcgm", "telemetry", "facts", "product", "postgres", "start", "sizes", "metrics-memory", "board",
]
MIB = 1 << 20
# A year of the sample company has as many requests as are asked for, and these at least: so many that it is cut into months.
BOARD_REQUESTS = 2_400_000


class Bench:
    def __init__(
        self, ours: Ours, duck: Duck, month: Month, requests: int, work: str, rounds: int, days: int, check: bool, say
    ):
        self.ours, self.duck, self.month, self.requests, self.work = ours, duck, month, requests, work
        self.rounds, self.days, self.check, self.say = rounds, days, check, say
        self.differences: dict[str, list[str]] = {}

    @staticmethod
    def query_names() -> list[str]:
        return [query.name for query in QUERIES]

    def measure(self, chosen: list[str]) -> list[Row]:
        rows: list[Row] = []
        single = [query for query in QUERIES if any(name not in WORKS and query.name.startswith(name) for name in chosen)]
        ingests = []
        for name in chosen:
            if name in ("logs", "logs-gz", "logs-zst", "bills", "dcgm", "telemetry") and not self.check:
                ingests.append(self._ingest(name))
        rows += ingests
        if ingests:
            rows.append(_memory(ingests))
        for kind in ("facts", "product"):
            if kind in chosen or single:
                rows += self._queries(kind, single if kind not in chosen else QUERIES)
        if "postgres" in chosen:
            rows += self._postgres()
        if "start" in chosen and not self.check:
            rows.append(self._start())
        if "sizes" in chosen and not self.check:
            rows += self._sizes()
        if "metrics-memory" in chosen and not self.check:
            rows.append(self._metrics_memory())
        if "board" in chosen and not self.check:
            rows.append(self._board())
        return rows

    def _board(self) -> Row:
        """A board after one more day, in a lake of a year and in one of its last month."""
        requests = max(BOARD_REQUESTS, self.requests)
        row = Row("board after a day more, a lake of 12 months ÷ 1", 1.3, 1.1, unit="times")
        folder = os.path.join(os.path.dirname(self.work), f"year-{requests}-seed1")
        year = Year(self.ours.binary, folder, self.ours.threads, self.say)
        try:
            year.make(requests, 1)
            told = year.measure(self.rounds)
        except RuntimeError as error:
            row.failed = _short(error)
            return row
        (first_month, months), (first_year, years) = told["month"], told["year"]
        of = {
            (name, what): statistics.median(getattr(run, what) for run in runs)
            for name, runs in (("month", months), ("year", years))
            for what in ("seconds", "cpu")
        }
        each = [year.seconds / month.seconds for month, year in zip(months, years)]
        row.ours = [of["year", "seconds"] / of["month", "seconds"]]
        row.others = [run.others for run in months + years if run.others is not None]
        row.peak = max(run.peak for first, later in told.values() for run in [first, *later])
        row.note = (
            f"{requests} requests in the year: {of['month', 'seconds']:.1f} s, {of['month', 'cpu']:.1f} of processor time in the lake of a month, "
            f"{of['year', 'seconds']:.1f} and {of['year', 'cpu']:.1f} in that of the year (medians; {min(each):.2f} to {max(each):.2f} in one round); "
            f"nothing kept yet {first_month.seconds:.1f} and {first_year.seconds:.1f} s"
        )
        return row

    # Ingest

    def _ingest(self, name: str) -> Row:
        days = self.days
        row, files, theirs, statement, source = {
            "logs": lambda: (
                Row("gateway logs → lake", 2.0, 3.0, amount_unit="rows"),
                self.month.logs, self.month.logs, "ingest_logs.sql", "litellm",
            ),
            "logs-gz": lambda: (
                Row("gateway logs, .gz → lake", 1.3, 1.8, amount_unit="rows"),
                self.month.packed("gz"), self.month.packed("gz"), "ingest_logs.sql", "litellm",
            ),
            "logs-zst": lambda: (
                Row("gateway logs, .zst → lake", 1.8, 2.2, amount_unit="rows"),
                self.month.packed("zst"), self.month.packed("zst"), "ingest_logs.sql", "litellm",
            ),
            "bills": lambda: (
                Row("FOCUS CSV → lake", 2.0, 3.0, amount_unit="MB",
                    note="both sides read all bills; ours checks control totals and conformance"),
                self.month.bills, self.month.bills, "ingest_bills.sql", None,
            ),
            "dcgm": lambda: (
                Row(f"DCGM text → lake, {days} days", 1.0, 2.0, amount_unit="readings",
                    note="DuckDB reads the same readings from a long CSV"),
                self.month.dcgm_text(days), self.month.csv_telemetry(days), "ingest_telemetry.sql", "gpu-prod",
            ),
            "telemetry": lambda: (
                Row(f"query_range JSON → lake, {days} days", 0, 0, amount_unit="readings",
                    note="no row of the issue; DuckDB reads the same readings from a long CSV"),
                self.month.telemetry[:days], self.month.csv_telemetry(days), "ingest_telemetry.sql", "gpu-prod",
            ),
        }[name]()
        machine.warm(files + theirs)
        lake, parquet = os.path.join(self.work, "timed-lake"), os.path.join(self.work, "timed-parquet")
        statements = self.duck.sql(statement, files=listed(theirs), out=parquet)

        def ours() -> machine.Run:
            shutil.rmtree(lake, ignore_errors=True)
            return self.ours.ingest(lake, files, source)

        def duckdb() -> machine.Run:
            shutil.rmtree(parquet, ignore_errors=True)
            if os.path.exists(parquet):
                os.remove(parquet)
            return self.duck.run(statements).run

        self.say(f"{row.work}: rows of both sides")
        try:
            ours()
            duckdb()
            row.failed = self._counted(name, lake, parquet, row)
            if row.failed:
                return row
            self._turns(row, ours, duckdb)
        except RuntimeError as error:
            row.ours, row.theirs = [], []
            row.failed = _short(error)
        for path in (lake, parquet):
            shutil.rmtree(path, ignore_errors=True)
        return row

    def _counted(self, name: str, lake: str, parquet: str, row: Row) -> str:
        """Do both sides hold the same rows, and the same money? Else why there is nothing to time."""
        answer = os.path.join(self.work, "answer.csv")
        table, ours, theirs = {
            "logs": ("requests", "count(*), sum(gateway_cost)", "count(*), sum(gateway_cost)"),
            "bills": ("charges", "count(*), sum(effective_cost)", "count(*), sum(EffectiveCost)"),
            "dcgm": ("gpu_samples", "count(sm_active) + count(gr_engine_active) + count(gpu_util) + count(fb_used_mib) "
                     "+ count(power_w) + count(energy_mj)",
                     # NaN and DCGM's blank value are no readings.
                     "count(*) FILTER (NOT isnan(value) AND value < 9.2e18)"),
        }[{"logs-gz": "logs", "logs-zst": "logs", "telemetry": "dcgm"}.get(name, name)]
        currency = {"requests": "gateway_currency", "charges": "billing_currency"}.get(table)
        grouped = f"SELECT {currency}, {ours} FROM {table} GROUP BY 1 ORDER BY 1" if currency else f"SELECT {ours} FROM {table}"
        self.ours.run(lake, "-o", "csv", "sql", "-c", grouped, answer=answer)
        a = [list(line.values()) for line in answers.read(answer)]
        files = parquet if os.path.isfile(parquet) else os.path.join(parquet, "**", "*.parquet")
        currency = {"requests": "'USD'", "charges": "BillingCurrency"}.get(table)
        grouped = f"SELECT {currency} AS c, {theirs}" if currency else f"SELECT {theirs}"
        tail = " GROUP BY 1 ORDER BY 1" if currency else ""
        self.duck.run([f"{grouped} FROM read_parquet('{files}'){tail}"], answer=answer)
        b = [list(line.values()) for line in answers.read(answer)]
        row.amount = float(sum(int(line[1] if currency else line[0]) for line in a))
        if row.amount_unit == "MB":
            row.amount = sum(os.path.getsize(path) for path in self.month.bills) / 1e6
        same = len(a) == len(b) and all(
            answers.same(x, y, "0") for left, right in zip(a, b) for x, y in zip(left, right)
        )
        return "" if same else f"not the same rows: ours {a}, DuckDB's {b}"

    def _turns(self, row: Row, ours, theirs) -> None:
        for number in range(self.rounds):
            self.say(f"{row.work}: round {number + 1} of {self.rounds}")
            # Who goes first changes, so that neither always finds the machine as the other left it.
            both = {}
            for side in (("a", "b") if number % 2 == 0 else ("b", "a")):
                both[side] = ours() if side == "a" else theirs()
            mine, other = both["a"], both["b"]
            row.ours.append(mine.seconds)
            row.theirs.append(other.seconds)
            row.cpu.append(mine.cpu)
            row.their_cpu.append(other.cpu)
            row.peak, row.their_peak = max(row.peak, mine.peak), max(row.their_peak, other.peak)
            row.others += [run.others for run in (mine, other) if run.others is not None]

    # Queries

    def _parquet(self) -> str:
        """DuckDB's lake of the whole month, made once."""
        path = os.path.join(self.work, "duckdb-lake")
        if os.path.exists(path):
            return path
        self.say("writing DuckDB's Parquet files")
        partial = path + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        os.makedirs(partial)
        for statement, values in (
            ("ingest_logs.sql", {"files": listed(self.month.logs), "out": f"{partial}/requests"}),
            ("ingest_bills.sql", {"files": listed(self.month.bills), "out": f"{partial}/charges.parquet"}),
            ("ingest_telemetry.sql", {"files": listed(self.month.csv_telemetry()), "out": f"{partial}/readings"}),
            ("pivot_telemetry.sql", {"long": f"{partial}/readings", "out": f"{partial}/gpu_samples"}),
            (
                "ingest_outcomes.sql",
                {
                    "jsonl": listed(self.month.files("outcomes/*.jsonl")),
                    "csv": listed(self.month.files("outcomes/*.csv")),
                    "out": f"{partial}/outcomes.parquet",
                },
            ),
        ):
            self.duck.run(self.duck.sql(statement, **values))
        shutil.rmtree(f"{partial}/readings")
        os.rename(partial, path)
        return path

    def _lake(self, kind: str) -> str:
        self.say(f"our lake: {kind}")
        return self.ours.lake(kind)

    def _duck_query(self, query: Query) -> tuple[machine.Run, list[dict[str, str]]]:
        setup = self.duck.sql(
            "session.sql", lake=self._parquet(), registry=os.path.join(self.month.derived, "registry"),
            prices=os.path.join(self.month.folder, "reference", "prices.json"),
        )
        answer = os.path.join(self.work, f"{query.name}.duckdb.csv")
        done = self.duck.run(self.duck.sql(f"{query.name}.sql"), setup, answer)
        # In DuckDB's favour: its session is open already, and only the statement counts.
        run = machine.Run(done.inside, done.cpu_inside, done.run.peak, done.run.others, 0)
        return run, answers.read(answer)

    def _processes(self, query: Query, kind: str, lake: str) -> tuple[machine.Run, list[dict[str, str]]]:
        """Whole processes, as a user of the command line has them. Facts: one script. Product: the metrics, one after the
        other."""
        path = os.path.join(self.work, f"{query.name}.{kind}")
        if kind == "facts":
            run = self.ours.script(lake, self.ours.facts(query.name), path + ".csv")
            return run, answers.read(path + ".csv")
        runs, found = [], []
        for number, metric in enumerate(query.metrics):
            answer = f"{path}.{number}.csv"
            runs.append(self.ours.metric(lake, metric, answer))
            found.append(answers.read(answer))
        # Only on the lake for which they are comparable; elsewhere they are timed.
        return _sum(runs), query.merge(found) if lake == self.ours.lake(query.lake) else []

    def _session(self, query: Query, kind: str, lake: str) -> tuple[float, list[dict[str, str]]]:
        """Seconds of the statements in a session that is open, as on DuckDB's side."""
        path = os.path.join(self.work, f"{query.name}.{kind}.session")
        if kind == "facts":
            with open(self.ours.facts(query.name), encoding="utf-8") as sql:
                asked = self.ours.session(lake, [sql.read()], [path + ".csv"], [])
            return asked.inside, answers.read(path + ".csv")
        statements = [as_sql(metric) for metric in query.metrics]
        files = [f"{path}.{number}.csv" for number in range(len(statements))]
        settings = next((settings for _, settings in statements if settings), [])
        asked = self.ours.session(lake, [sql for sql, _ in statements], files, settings)
        return asked.inside, query.merge([answers.read(file) for file in files]) if lake == self.ours.lake(query.lake) else []

    def _queries(self, kind: str, chosen: list[Query]) -> list[Row]:
        rows: dict[str, Row] = {}
        full = self._lake("full")
        for query in chosen:
            row = rows[query.name] = Row(f"{query.name}, {kind}", 0, 0, note=query.remark if kind == "product" else "")
            try:
                _, theirs = self._duck_query(query)
                on = self._lake(query.lake) if kind == "product" and query.lake != "full" else full
                said = []
                for way in (self._processes, self._session):
                    _, mine = way(query, kind, on)
                    said += answers.differences(mine, theirs, query.keys, query.exact, query.close)
            except (RuntimeError, KeyError) as error:
                said = [str(error)]
            if said:
                self.differences[row.work] = said
                row.failed = f"{len(said)} differences; not timed"
                self.say(f"{row.work}: {row.failed}: {said[0]}")
                continue
            self.say(f"{row.work}: the answers are the same")
        if self.check:
            return list(rows.values())
        if kind == "product":
            # First runs, one after the other: what one works out and keeps, the next ones find.
            shutil.rmtree(os.path.join(full, ".kept"), ignore_errors=True)
        for query in chosen:
            row = rows[query.name]
            if row.failed:
                continue
            try:
                first, _ = self._processes(query, kind, full)
                if kind == "product":
                    row.first = [first.seconds, first.cpu]
                    row.first_peak = first.peak
            except RuntimeError as error:
                row.failed = _short(error)
                self.say(f"{row.work}: {row.failed}")
        for query in chosen:
            row = rows[query.name]
            if row.failed:
                continue

            def ours(query=query, row=row) -> machine.Run:
                run, _ = self._processes(query, kind, full)
                row.whole.append(run.seconds)
                inside, _ = self._session(query, kind, full)
                return dataclasses.replace(run, seconds=inside)

            try:
                self._turns(row, ours, lambda q=query: self._duck_query(q)[0])
            except RuntimeError as error:
                row.ours, row.theirs = [], []
                row.failed = _short(error)
                self.say(f"{row.work}: {row.failed}")
        done = list(rows.values())
        if len(chosen) == len(QUERIES):
            done.append(self._together(kind, [row for row in done if not row.failed], len(chosen)))
        return done

    def _together(self, kind: str, rows: list[Row], all_of: int) -> Row:
        must, aim = (1.0, 1.5) if kind == "facts" else (10.0, 30.0)
        name = "the eight queries from facts" if kind == "facts" else "the eight queries through the product"
        total = Row(name, must, aim, note="per round: the sum of the eight")
        if len(rows) < all_of:
            total.failed = f"only {len(rows)} of {all_of} have an answer that is the same"
            return total
        total.ours = [sum(row.ours[number] for row in rows) for number in range(self.rounds)]
        total.theirs = [sum(row.theirs[number] for row in rows) for number in range(self.rounds)]
        total.cpu = [sum(row.cpu[number] for row in rows) for number in range(self.rounds)]
        total.their_cpu = [sum(row.their_cpu[number] for row in rows) for number in range(self.rounds)]
        total.whole = [sum(row.whole[number] for row in rows) for number in range(self.rounds)]
        total.first = [sum(row.first[part] for row in rows) for part in range(2)] if kind == "product" else []
        total.first_peak = max(row.first_peak for row in rows)
        total.peak, total.their_peak = max(row.peak for row in rows), max(row.their_peak for row in rows)
        total.others = [max(row.others, default=0.0) for row in rows]
        return total

    def _postgres(self) -> list[Row]:
        """LiteLLM's own table: where a row says DuckDB, PostgreSQL is meant."""
        full = self._lake("full")
        outcomes = os.path.join(self.work, "outcomes.csv")
        self.duck.run([f"COPY (SELECT * FROM read_parquet('{self._parquet()}/outcomes.parquet')) TO '{outcomes}' (HEADER)"])
        rows = []
        self.say("loading PostgreSQL")
        with Postgres(self.month.logs, outcomes, self.ours.threads) as server:
            for query in POSTGRES:
                row = Row(f"{query.name}, facts, against PostgreSQL", 0, 0)
                rows.append(row)
                answer = os.path.join(self.work, f"{query.name}.postgres.csv")

                def theirs(query=query, answer=answer) -> machine.Run:
                    return machine.Run(server.query(f"{query.name}.sql", answer), 0.0, 0, None, 0)

                def ours(query=query, row=row) -> machine.Run:
                    run, _ = self._processes(query, "facts", full)
                    row.whole.append(run.seconds)
                    return dataclasses.replace(run, seconds=self._session(query, "facts", full)[0])

                try:
                    theirs()
                    _, mine = self._processes(query, "facts", full)
                    said = answers.differences(mine, answers.read(answer), query.keys, query.exact, query.close)
                    if said:
                        self.differences[row.work] = said
                        row.failed = f"{len(said)} differences; not timed"
                    elif not self.check:
                        self._turns(row, ours, theirs)
                except (RuntimeError, KeyError) as error:
                    row.failed = _short(error) if isinstance(error, RuntimeError) else str(error)
            mine = sum(os.path.getsize(path) for path in self._active(os.path.join(full, "requests")))
            size = Row("lake size, requests, against PostgreSQL", 0, 0, [mine / server.size()], [float(server.size())], unit="size")
            size.sizes = [mine]
            size.note = f"its table with indexes; all columns of ours; loading it took {server.loaded:.1f} s"
            rows.append(size)
        return rows

    # Figures of ours alone

    def _start(self) -> Row:
        row = Row("start to first answer, small lake", 0.1, 0.05, unit="s", note="`sql -c 'select 1'`, the whole process")
        lake = self._lake("small")
        self.ours.run(lake, "sql", "-c", "select 1")
        for _ in range(max(self.rounds, 3) * 3):
            run = self.ours.run(lake, "sql", "-c", "select 1")
            row.ours.append(run.seconds)
            row.peak = max(row.peak, run.peak)
            if run.others is not None:
                row.others.append(run.others)
        return row

    def _metrics_memory(self) -> Row:
        row = Row("every metric over the month", 2048, 1024, unit="MiB")
        lake, answer = self._lake("full"), os.path.join(self.work, "metrics.csv")
        self.ours.run(lake, "-o", "csv", "metric", "list", answer=answer)
        names = [next(iter(line.values())) for line in answers.read(answer)]
        peaks, slowest, failed = [], (0.0, ""), []
        for name in names:
            self.say(f"metric {name}")
            try:
                run = self.ours.metric(lake, [name, "--from", "2026-09-01", "--to", "2026-10-01"], answer)
            except RuntimeError as error:
                failed.append(f"{name} ({_short(error)})")
                continue
            row.ours.append(run.peak / MIB)
            peaks.append((run.peak, f"{name} {run.peak / MIB:,.0f} in {run.seconds:.0f} s"))
            slowest = max(slowest, (run.seconds, name))
        peaks.sort(reverse=True)
        row.peak = peaks[0][0] if peaks else 0
        largest = ", ".join(said for _, said in peaks[:12])
        row.note = f"{len(names)} metrics; slowest {slowest[1]} with {slowest[0]:.1f} s; largest (MiB) {largest}"
        if failed:
            row.note += f"; did not run: {', '.join(failed)}"
        return row

    def _sizes(self) -> list[Row]:
        """Bytes of the columns that both sides have, as their files say (compressed, without footers)."""
        lake, parquet = self._lake("full"), self._parquet()
        rows = []
        for table, theirs in (("requests", f"{parquet}/requests/*/*.parquet"), ("charges", f"{parquet}/charges.parquet")):
            a, b = self._columns(self._active(os.path.join(lake, table))), self._columns(sorted(glob.glob(theirs)))
            b = {_snake(name): size for name, size in b.items()}
            shared = sorted(a.keys() & b.keys())
            mine, other = sum(a[name] for name in shared), sum(b[name] for name in shared)
            row = Row(f"lake size, {table}", 1.0, 0.8, [mine / other], [other], unit="size")
            row.sizes = [mine]
            heavy = sorted(((a[name] - b[name], name) for name in shared), reverse=True)[:4]
            row.note = (
                f"{len(shared)} shared columns; all of ours {sum(a.values()) / MIB:.1f} MiB in {len(a)} columns, all of DuckDB's "
                f"{sum(b.values()) / MIB:.1f} MiB in {len(b)}; largest difference: "
                + ", ".join(f"{name} {a[name] / MIB:.2f} against {b[name] / MIB:.2f}" for _, name in heavy)
            )
            rows.append(row)
        return rows

    def _columns(self, files: list[str]) -> dict[str, int]:
        answer = os.path.join(self.work, "columns.csv")
        self.duck.run(
            [
                "SELECT split_part(path_in_schema, ',', 1) AS name, sum(total_compressed_size) AS size "
                f"FROM parquet_metadata({listed(files)}) GROUP BY 1"
            ],
            answer=answer,
        )
        return {row["name"].strip(): int(row["size"]) for row in answers.read(answer)}

    @staticmethod
    def _active(table: str) -> list[str]:
        """Files of the table's last version, by its log."""
        active: dict[str, bool] = {}
        for log in sorted(glob.glob(os.path.join(table, "_delta_log", "*.json"))):
            with open(log, encoding="utf-8") as lines:
                for line in lines:
                    action = json.loads(line)
                    if "add" in action:
                        active[action["add"]["path"]] = True
                    elif "remove" in action:
                        active.pop(action["remove"]["path"], None)
        return [os.path.join(table, path) for path in active]


def _sum(runs: list[machine.Run]) -> machine.Run:
    """Processes one after the other, as one."""
    return machine.Run(
        sum(run.seconds for run in runs), sum(run.cpu for run in runs), max(run.peak for run in runs),
        max((run.others for run in runs if run.others is not None), default=None), 0,
    )


def _short(error: RuntimeError) -> str:
    """The program's own words, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[0][:160]} … {lines[-1][:200]}" if len(lines) > 1 else lines[0][:300]


def _snake(name: str) -> str:
    made = ""
    for place, letter in enumerate(name):
        made += "_" + letter.lower() if letter.isupper() and place else letter.lower()
    return made


def _memory(ingests: list[Row]) -> Row:
    row = Row("peak memory of any ingest", 1024, 512, unit="MiB")
    row.ours = [one.peak / MIB for one in ingests if one.ours]
    row.theirs = [one.their_peak / MIB for one in ingests if one.ours]
    return row
