"""The month that both sides read: what `spendscope synth --bench` wrote, and what is derived from it once."""

import csv
import glob
import gzip
import json
import multiprocessing
import os
import shutil
import subprocess
import tomllib
from datetime import datetime, timezone

LABELS = ["gpu", "UUID", "modelName", "Hostname", "namespace", "pod"]


class Month:
    def __init__(self, folder: str):
        self.folder = folder
        self.derived = folder + ".derived"
        self.config = os.path.join(folder, "spendscope.toml")

    def files(self, pattern: str) -> list[str]:
        return sorted(glob.glob(os.path.join(self.folder, pattern)))

    @property
    def logs(self) -> list[str]:
        return self.files("gateway/*/*.jsonl")

    @property
    def bills(self) -> list[str]:
        return self.files("billing/*/*.csv")

    @property
    def telemetry(self) -> list[str]:
        return self.files("gpu/*/query_range-*.json")

    def make(self, binary: str, requests: int, seed: int, say) -> None:
        if not os.path.exists(self.config):
            say(f"writing a month of {requests} requests (seed {seed})")
            partial = self.folder + ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            subprocess.run(
                [binary, "synth", "--bench", "--requests", str(requests), "--seed", str(seed), "--out", partial, "-q"],
                check=True,
            )
            os.rename(partial, self.folder)
        os.makedirs(self.derived, exist_ok=True)
        self._registry()

    def _once(self, name: str, write) -> str:
        """A derived file, written under another name first, so that a broken run leaves none that looks whole."""
        path = os.path.join(self.derived, name)
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # In a process of its own: this one stays small, or every child's peak would begin with its pages.
            writer = multiprocessing.get_context("fork").Process(target=write, args=(path + ".partial",))
            writer.start()
            writer.join()
            if writer.exitcode != 0:
                raise RuntimeError(f"{path} could not be written")
            os.rename(path + ".partial", path)
        return path

    def _registry(self) -> None:
        """What an analyst would keep in three small tables: GPU nodes, models, use cases of keys."""
        with open(self.config, "rb") as file:
            config = tomllib.load(file)

        def table(name: str, head: list[str], rows) -> None:
            def write(path: str) -> None:
                with open(path, "w", newline="", encoding="utf-8") as out:
                    writer = csv.writer(out)
                    writer.writerow(head)
                    writer.writerows(rows)

            self._once(f"registry/{name}.csv", write)

        table(
            "gpu_nodes",
            ["host", "resource_id", "gpus", "purchase", "model"],
            [[n["host"], n["resource_id"], n["gpus"], n["purchase"], n["model"]] for n in config["gpu_nodes"]],
        )
        hosted = {name for name, provider in config["providers"].items() if provider.get("self_hosted")}
        table(
            "models",
            ["model", "provider", "charge_match", "self_hosted"],
            [
                [name, m["provider"], m.get("charge_match", "").replace("(?i)", ""), m["provider"] in hosted]
                for name, m in config["models"].items()
            ],
        )
        table(
            "aliases",
            ["key_alias", "use_case"],
            [[key, name] for name, case in config["use_cases"].items() for key in case["aliases"].get("keys", [])],
        )

    def packed(self, suffix: str) -> list[str]:
        """The gateway's logs as .gz (level 6) or .zst (level 3), as log shippers leave them."""
        made = []
        for log in self.logs:

            def gz(path: str, log: str = log) -> None:
                with open(log, "rb") as source, gzip.open(path, "wb", compresslevel=6) as out:
                    shutil.copyfileobj(source, out, 1 << 20)

            def zst(path: str, log: str = log) -> None:
                subprocess.run(["zstd", "-q", "-3", "-f", log, "-o", path], check=True)

            write = gz if suffix == "gz" else zst
            made.append(self._once(f"logs/{os.path.basename(log)}.{suffix}", write))
        return made

    def csv_telemetry(self, days: int | None = None) -> list[str]:
        """Telemetry as the long table that a dashboard exports: one line per reading."""
        return [self._once(f"telemetry/{_day(path)}.csv", lambda out, p=path: _as_csv(p, out)) for path in self.telemetry[:days]]

    def dcgm_text(self, days: int) -> list[str]:
        """The same readings as the exporter's text, scrape after scrape, each line with its moment."""
        return [self._once(f"dcgm/{_day(path)}.prom", lambda out, p=path: _as_text(p, out)) for path in self.telemetry[:days]]


def _day(path: str) -> str:
    return os.path.basename(path).removeprefix("query_range-").removesuffix(".json")


def _series(path: str):
    with open(path, encoding="utf-8") as file:
        for series in json.load(file)["data"]["result"]:
            yield series["metric"], series["values"]


def _as_csv(path: str, out: str) -> None:
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sampled_at", "metric", *LABELS, "value"])
        for metric, values in _series(path):
            told = [metric["__name__"], *(metric.get(label, "") for label in LABELS)]
            for moment, value in values:
                stamp = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
                writer.writerow([stamp, *told, value])


def _as_text(path: str, out: str) -> None:
    scrapes: dict[int, dict[str, list[str]]] = {}
    for metric, values in _series(path):
        name = metric["__name__"]
        labels = ",".join(f'{key}="{value}"' for key, value in metric.items() if key != "__name__")
        for moment, value in values:
            lines = scrapes.setdefault(moment, {}).setdefault(name, [])
            lines.append(f"{name}{{{labels}}} {value} {moment}000\n")
    with open(out, "w", encoding="utf-8") as file:
        for moment in sorted(scrapes):
            for name in sorted(scrapes[moment]):
                file.write(f"# HELP {name} As the exporter says.\n# TYPE {name} gauge\n")
                file.writelines(scrapes[moment][name])
