"""What a LiteLLM user has today: its spend table in PostgreSQL, on a server of our own that is gone afterwards."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What an administrator gives a machine of this size.
SETTINGS = {
    "shared_buffers": "2GB", "work_mem": "256MB", "maintenance_work_mem": "512MB", "effective_cache_size": "8GB",
    "random_page_cost": "1.1", "max_wal_size": "8GB", "listen_addresses": "''",
    # For the time of loading alone: nothing that is asked afterwards writes.
    "fsync": "off", "autovacuum": "off",
}


def _programs() -> str:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    path = found[-1] if found else shutil.which("initdb")
    if not path:
        raise RuntimeError("PostgreSQL is missing: tests/servers/debian.sh installs it")
    return os.path.dirname(path)


class Postgres:
    """As a context: a server with the table, filled."""

    def __init__(self, logs: list[str], outcomes: str, threads: int):
        self.logs, self.outcomes, self.threads = logs, outcomes, threads
        self.programs = _programs()
        # The server does not run as root, and must find its folder.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = tempfile.mkdtemp(prefix="spendscope-bench-")

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [os.path.join(self.programs, program), *arguments], user=self.user, cwd=self.folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr[-1000:]}")

    def __enter__(self) -> "Postgres":
        try:
            if self.user:
                shutil.chown(self.folder, self.user)
            data = os.path.join(self.folder, "data")
            self._call("initdb", "-D", data, "-U", "bench", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync")
            settings = {
                **SETTINGS, "unix_socket_directories": f"'{self.folder}'", "timezone": "'UTC'",
                "max_parallel_workers_per_gather": str(self.threads - 1),
            }
            with open(os.path.join(data, "postgresql.conf"), "a", encoding="utf-8") as file:
                file.writelines(f"{name} = {value}\n" for name, value in settings.items())
            self._call("pg_ctl", "-D", data, "-w", "-t", "60", "-l", os.path.join(self.folder, "log"), "start")
            began = time.monotonic()
            script = os.path.join(self.folder, "tables.sql")
            with open(os.path.join(HERE, "postgres", "tables.sql"), encoding="utf-8") as file:
                text = file.read().replace("{logs}", " ".join(self.logs)).replace("{outcomes}", self.outcomes)
            with open(script, "w", encoding="utf-8") as file:
                file.write(text)
            self._psql("-f", script)
            self.loaded = time.monotonic() - began
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        pid = os.path.join(self.folder, "data", "postmaster.pid")
        if os.path.exists(pid):
            self._call("pg_ctl", "-D", os.path.join(self.folder, "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _psql(self, *arguments: str) -> str:
        done = subprocess.run(
            [
                os.path.join(self.programs, "psql"), "-h", self.folder, "-U", "bench", "-d", "postgres", "-X", "-q",
                "-v", "ON_ERROR_STOP=1", *arguments,
            ],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
        )
        if done.returncode != 0:
            raise RuntimeError(f"psql failed: {done.stderr[-1000:]}")
        return done.stdout

    def size(self) -> int:
        """Bytes of the table with its indexes."""
        return int(self._psql("-A", "-t", "-c", "SELECT pg_total_relation_size('\"LiteLLM_SpendLogs\"')"))

    def query(self, name: str, answer: str) -> float:
        """Seconds of the statement, by psql's own clock, in a session that is open."""
        with open(os.path.join(HERE, "postgres", name), encoding="utf-8") as file:
            statement = file.read()
        script = os.path.join(self.folder, "query.sql")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"SELECT 1 \\g /dev/null\n\\timing on\n{statement}\n\\g {answer}\n")
        said = self._psql("--csv", "-f", script)
        return float(re.findall(r"^Time: ([0-9.]+) ms", said, re.MULTILINE)[-1]) / 1000
