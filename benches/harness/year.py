"""What a day more costs: the board of a month in a lake of that month alone, and in one of a whole year."""

import glob
import gzip
import os
import re
import shutil
import subprocess

from . import machine

MONTH, LAST, NOW = "2026-12", "2026-12-31", "2027-01-02T06:00:00Z"


class Year:
    def __init__(self, binary: str, folder: str, threads: int, say):
        self.binary, self.folder, self.threads, self.say = binary, folder, threads, say

    def make(self, requests: int, seed: int) -> None:
        """A year of files, its last day's log lines apart."""
        if os.path.exists(self.folder):
            return
        self.say(f"writing a year of {requests} requests (seed {seed})")
        partial = self.folder + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run(
            [self.binary, "synth", "--requests", str(requests), "--seed", str(seed), "--from", "2026-01-01",
             "--to", "2027-01-01", "--out", partial, "-q"],
            check=True,
        )
        whole = os.path.join(partial, "gateway/litellm", f"spend-{MONTH}.jsonl.gz")
        later = os.path.join(partial, "later/gateway/litellm")
        os.makedirs(later)
        needle = f'"startTime":"{LAST}T'
        with (
            gzip.open(whole, "rt", encoding="utf-8") as lines,
            gzip.open(os.path.join(partial, "before.gz"), "wt", encoding="utf-8", compresslevel=1) as before,
            gzip.open(os.path.join(later, f"spend-{LAST}.jsonl.gz"), "wt", encoding="utf-8", compresslevel=1) as after,
        ):
            counts = [0, 0]
            for line in lines:
                last = needle in line
                counts[last] += 1
                (after if last else before).write(line)
        if not all(counts):
            raise RuntimeError(f"{whole} cannot be parted at {LAST}")
        os.replace(os.path.join(partial, "before.gz"), whole)
        self._labels_of_the_month(partial)
        os.rename(partial, self.folder)

    @staticmethod
    def _labels_of_the_month(partial: str) -> None:
        """Outcomes are in one file for all of the year."""
        folder = os.path.join(partial, "outcomes-month")
        os.makedirs(folder)
        for path in glob.glob(os.path.join(partial, "outcomes/*")):
            opened = gzip.open if path.endswith(".gz") else open
            with opened(path, "rt", encoding="utf-8") as lines, opened(
                os.path.join(folder, os.path.basename(path)), "wt", encoding="utf-8"
            ) as kept:
                for line in lines:
                    when = re.search(r"\d{4}-\d\d(?=-\d\dT)", line)
                    if when is None or when[0] >= MONTH:
                        kept.write(line)

    def _run(self, lake: str, *arguments: str) -> machine.Run:
        out, err = os.path.join(self.folder, "ours.out"), os.path.join(self.folder, "ours.err")
        config = os.path.join(self.folder, "spendscope.toml")
        command = [self.binary, "--lake", lake, "--config", config, "--now", NOW, "-q", *arguments]
        run = machine.run(command, out, err, {"TOKIO_WORKER_THREADS": str(self.threads)})
        if run.status != 0:
            with open(err, encoding="utf-8") as file:
                raise RuntimeError(f"spendscope {' '.join(arguments[:2])} failed: {file.read()[-2000:]}")
        return run

    def measure(self, rounds: int) -> dict[str, tuple[machine.Run, list[machine.Run]]]:
        """By lake: the first board, and in each round the board after one more day has arrived."""
        first = {}
        for name, months, outcomes in (("month", MONTH, "outcomes-month"), ("year", "2026-*", "outcomes")):
            lake = self._lake(name)
            shutil.rmtree(lake, ignore_errors=True)
            for folder in ("reference", outcomes):
                self._run(lake, "ingest", *sorted(glob.glob(os.path.join(self.folder, folder, "*"))))
            self.say(f"lake of a {name}")
            for kind in ("gateway", "gpu", "billing"):
                for source in sorted(os.listdir(os.path.join(self.folder, kind))):
                    files = sorted(glob.glob(os.path.join(self.folder, kind, source, f"*{months}*")))
                    if files:
                        self._run(lake, "ingest", "--source", source, *files)
            first[name] = self._board(lake)
            self._run(lake, "ingest", "--source", "litellm", os.path.join(self.folder, "later"))
        later = {name: [] for name in first}
        for turn in range(rounds):
            for name in sorted(first, reverse=turn % 2 == 1):
                # What a board keeps is gone with the copy. Links do: no file of a lake is written twice.
                copy = self._lake(f"{name}-copy")
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(self._lake(name), copy, copy_function=os.link)
                later[name].append(self._board(copy))
                shutil.rmtree(copy)
        return {name: (first[name], later[name]) for name in first}

    def _lake(self, name: str) -> str:
        return os.path.join(self.folder, f"lake-{name}")

    def _board(self, lake: str) -> machine.Run:
        pictures = os.path.join(self.folder, "pictures")
        return self._run(lake, "report", "board", "--period", MONTH, "--format", "png", "--out", pictures)
