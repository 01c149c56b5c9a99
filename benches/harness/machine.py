"""Runs a command and says what it cost: wall time, processor time, peak memory, and how busy others kept the machine."""

import os
import platform
import signal
import threading
import time
from dataclasses import dataclass

# Who takes longer stands still, and is stopped.
LONGEST_SECONDS = 1800


@dataclass
class Run:
    seconds: float
    cpu: float
    peak: int  # bytes
    others: float | None  # processors that other programs kept busy meanwhile; None where nobody knows
    status: int


def busy_seconds() -> float | None:
    """Processor seconds that all programs have used since the start, of the processors this one may use."""
    try:
        with open("/proc/stat", encoding="ascii") as stat:
            fields = [int(f) for f in stat.readline().split()[1:]]
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, softirq, steal = (fields + [0] * 8)[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def run(command: list[str], out: str, err: str, env: dict[str, str] | None = None) -> Run:
    """One child process. Its peak is what the kernel saw (ru_maxrss): this process must stay small, because a child
    begins with its parent's pages."""
    before = busy_seconds()
    began = time.monotonic()
    pid = os.posix_spawnp(
        command[0],
        command,
        {**os.environ, **(env or {})},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_OPEN, 2, err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        ],
    )
    limit = threading.Timer(LONGEST_SECONDS, os.kill, (pid, signal.SIGKILL))
    limit.start()
    _, status, usage = os.wait4(pid, 0)
    limit.cancel()
    seconds = time.monotonic() - began
    if seconds >= LONGEST_SECONDS:
        raise RuntimeError(f"{os.path.basename(command[0])} was stopped after {LONGEST_SECONDS} s")
    cpu = usage.ru_utime + usage.ru_stime
    after = busy_seconds()
    others = None
    if before is not None and after is not None and seconds > 0:
        others = max(0.0, (after - before - cpu) / seconds)
    unit = 1 if platform.system() == "Darwin" else 1024
    return Run(seconds, cpu, usage.ru_maxrss * unit, others, os.waitstatus_to_exitcode(status))


def processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def describe() -> dict[str, object]:
    model, memory = platform.processor() or platform.machine(), None
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
            model = names[0] if names else model
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except OSError:
        pass
    return {
        "processor": model,
        "processors": processors(),
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.release()}",
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def warm(paths: list[str]) -> None:
    """Reads files once, so that both sides find them in the page cache."""
    for path in paths:
        with open(path, "rb") as file:
            while file.read(1 << 22):
                pass
