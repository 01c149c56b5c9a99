"""Our side: the program, as a user runs it."""

import hashlib
import os
import shutil

from . import machine
from .month import Month

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# After the month, when every task that will be labelled is: nothing is pending.
NOW = "2026-11-15T00:00:00Z"


class Ours:
    def __init__(self, binary: str, month: Month, work: str, threads: int):
        self.binary, self.month, self.work, self.threads = binary, month, work, threads
        with open(binary, "rb") as file:
            self.version = hashlib.file_digest(file, "sha256").hexdigest()[:12]

    def run(self, lake: str, *arguments: str, answer: str | None = None) -> machine.Run:
        out = answer or os.path.join(self.work, "ours.out")
        err = os.path.join(self.work, "ours.err")
        command = [self.binary, "--lake", lake, "--config", self.month.config, "--now", NOW, "-q", *arguments]
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

    def query(self, lake: str, file: str, answer: str) -> machine.Run:
        return self.run(lake, "-o", "csv", "sql", "-f", os.path.join(HERE, "spendscope", file), answer=answer)

    def metric(self, lake: str, arguments: list[str], answer: str) -> machine.Run:
        return self.run(lake, "-o", "csv", "metric", "run", *arguments, answer=answer)
