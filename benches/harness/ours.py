"""Our side: the program, as a user runs it."""

import hashlib
import os
import re
import shutil
from dataclasses import dataclass

from . import machine
from .month import Month

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# After the month, when every task that will be labelled is: nothing is pending.
NOW = "2026-11-15T00:00:00Z"


@dataclass
class Asked:
    run: machine.Run  # the whole process
    inside: float  # seconds of the statements alone, in a session that is open


def as_sql(metric: list[str]) -> tuple[str, list[str]]:
    """The arguments of `metric run` as a statement, and what is a setting of the session."""
    name, given, session = metric[0], {}, []
    for option, value in zip(metric[1::2], metric[2::2]):
        if option == "--currency":
            session += [option, value]
        else:
            given.setdefault(option.removeprefix("--"), []).append(value)
    pairs = [f", '{key}={','.join(values)}'" for key, values in given.items()]
    return f"SELECT * FROM metric('{name}'{''.join(pairs)})", session


class Ours:
    def __init__(self, binary: str, month: Month, work: str, threads: int):
        self.binary, self.month, self.work, self.threads = binary, month, work, threads
        with open(binary, "rb") as file:
            self.version = hashlib.file_digest(file, "sha256").hexdigest()[:12]

    def run(self, lake: str, *arguments: str, answer: str | None = None, quiet: bool = True) -> machine.Run:
        out = answer or os.path.join(self.work, "ours.out")
        err = os.path.join(self.work, "ours.err")
        said = ["-q"] if quiet else []
        command = [self.binary, "--lake", lake, "--config", self.month.config, "--now", NOW, *said, *arguments]
        run = machine.run(command, out, err, {"TOKIO_WORKER_THREADS": str(self.threads)})
        if run.status != 0:
            with open(err, encoding="utf-8") as file:
                raise RuntimeError(f"spendscope {' '.join(arguments[:3])} failed: {file.read()[-2000:]}")
        return run

    def ingest(self, lake: str, paths: list[str], source: str | None = None) -> machine.Run:
        named = ["--source", source] if source else []
        return self.run(lake, "ingest", *named, *paths)

    def lake(self, kind: str) -> str:
        """A lake of this program's own writing: `full`, `unbilled` (no charges and no telemetry, so that every amount
        is the list cost that an analyst can work out), or `small`."""
        path = os.path.join(self.work, f"lake-{kind}-{self.version}")
        if os.path.exists(path):
            return path
        partial = path + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        self.ingest(partial, self.month.files("reference/*"))
        self.ingest(partial, self.month.files("outcomes/*"))
        if kind != "small":
            self.ingest(partial, self.month.logs, "litellm")
        if kind == "full":
            self.ingest(partial, self.month.telemetry, "gpu-prod")
            for bill in self.month.bills:
                self.ingest(partial, [bill], os.path.basename(os.path.dirname(bill)))
        os.rename(partial, path)
        return path

    @staticmethod
    def facts(query: str) -> str:
        return os.path.join(HERE, "spendscope", f"{query}.facts.sql")

    def script(self, lake: str, path: str, answer: str) -> machine.Run:
        return self.run(lake, "-o", "csv", "sql", "-f", path, answer=answer)

    def session(self, lake: str, statements: list[str], answers: list[str], settings: list[str]) -> Asked:
        """Statements in a session that has answered one already, each timed by the shell itself, printing included."""
        script = os.path.join(self.work, "session.sql")
        with open(script, "w", encoding="utf-8") as file:
            file.write("SELECT 1;\n\\timing on\n")
            for statement, answer in zip(statements, answers):
                file.write(f"\\o {answer}\n{statement}\n;\n")
        # Times go where all talk goes, and that is silent under -q.
        run = self.run(lake, "-o", "csv", *settings, "sql", "-f", script, quiet=False)
        with open(os.path.join(self.work, "ours.err"), encoding="utf-8") as talk:
            times = [float(found) for found in re.findall(r"^time: ([0-9.]+) ms$", talk.read(), re.MULTILINE)]
        if len(times) != len(statements):
            raise RuntimeError(f"{len(statements)} statements told {len(times)} times")
        return Asked(run, sum(times) / 1000)

    def metric(self, lake: str, arguments: list[str], answer: str) -> machine.Run:
        return self.run(lake, "-o", "csv", "metric", "run", *arguments, answer=answer)
