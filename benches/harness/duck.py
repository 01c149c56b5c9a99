"""DuckDB's side: its environment, and its statements in a process of their own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from . import machine

VERSION = "2.0.0"
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass
class Answered:
    run: machine.Run
    inside: float  # seconds of the statements alone, without the start of Python
    cpu_inside: float


class Duck:
    def __init__(self, cache: str, work: str, threads: int):
        self.python = os.path.join(cache, f"duckdb-{VERSION}", "bin", "python")
        self.work = work
        self.threads = threads

    def install(self, say) -> None:
        if os.path.exists(self.python):
            return
        home = os.path.dirname(os.path.dirname(self.python))
        say(f"installing duckdb {VERSION} into its own environment")
        shutil.rmtree(home, ignore_errors=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", home], check=True)
            subprocess.run([self.python, "-m", "pip", "install", "-q", f"duckdb=={VERSION}"], check=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(home, ignore_errors=True)
            raise

    def sql(self, name: str, **values: str) -> list[str]:
        """Statements of a file of benches/duckdb; `{name}` is replaced."""
        with open(os.path.join(HERE, "duckdb", name), encoding="utf-8") as file:
            lines = [line for line in file if not line.lstrip().startswith("--")]
        text = "".join(lines)
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return [statement.strip() for statement in text.split(";\n") if statement.strip().strip(";")]

    def run(self, statements: list[str], setup: list[str] | None = None, answer: str | None = None) -> Answered:
        task = {
            "threads": self.threads,
            "temporary": os.path.join(self.work, "duckdb-temporary"),
            "setup": setup or [],
            "statements": statements,
            "answer": answer,
        }
        out, err = os.path.join(self.work, "duckdb.out"), os.path.join(self.work, "duckdb.err")
        run = machine.run([self.python, os.path.join(HERE, "duckdb", "worker.py"), json.dumps(task)], out, err)
        if run.status != 0:
            with open(err, encoding="utf-8") as file:
                raise RuntimeError(f"DuckDB failed: {file.read()[-2000:]}")
        with open(out, encoding="utf-8") as file:
            told = json.load(file)
            return Answered(run, told["seconds"], told["cpu"])


def listed(paths: list[str]) -> str:
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
