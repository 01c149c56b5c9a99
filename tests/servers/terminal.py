"""A terminal for a program: types what it is told, waits for what it is to see, and prints all that was shown.

    terminal.py PROGRAM ARGUMENT... < steps.json

Each step is {"type": text, "see": regular expression, "seconds": time-out}; "see" is looked for, without
terminal escapes, in what comes after the typing. "run" is a command of somebody else, run before that;
"busy" waits until the program reads no keys, so that Ctrl-C is a signal to it, and "wait" are seconds that pass
then; "size": [lines, columns] may stand in the first step.
"""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78]")

steps = json.load(sys.stdin)
lines, columns = steps[0].get("size", [50, 120])
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[1], sys.argv[1:])

raw = ""
ended = False


def read(seconds):
    """What the program has shown since; a terminal is asked where its cursor is, and answers."""
    global raw, ended
    ready, _, _ = select.select([terminal], [], [], seconds)
    if not ready:
        return
    try:
        data = os.read(terminal, 65536)
    except OSError:
        data = b""
    if not data:
        ended = True
        return
    text = data.decode("utf-8", "replace")
    for _ in range(text.count("\x1b[6n")):
        os.write(terminal, b"\x1b[1;1R")
    raw += text


def shown(begin):
    return ESCAPES.sub("", raw[begin:]).replace("\r", "")


for step in steps:
    begin = len(raw)
    if step.get("run"):
        subprocess.run(step["run"], check=True, timeout=120)
    last = time.monotonic() + 60
    while step.get("busy") and not termios.tcgetattr(terminal)[3] & termios.ISIG:
        if ended or time.monotonic() > last:
            print(shown(0))
            sys.exit(f"still reads keys, and is not to before {step.get('type')!r}")
        read(0.05)
    last = time.monotonic() + step.get("wait", 0)
    while not ended and time.monotonic() < last:
        read(0.05)
    if step.get("type"):
        os.write(terminal, step["type"].encode())
    wanted = re.compile(step["see"], re.S)
    last = time.monotonic() + step.get("seconds", 60)
    while not wanted.search(shown(begin)):
        if ended and step["see"] == "$":
            break
        if ended or time.monotonic() > last:
            print(shown(0))
            sys.exit(f"not seen within {step.get('seconds', 60)} s after {step.get('type')!r}: {step['see']}\n"
                     f"but: {shown(begin)!r}")
        read(0.05)
last = time.monotonic() + 20
while not ended and time.monotonic() < last:
    read(0.05)
_, status = os.waitpid(child, 0)
print(shown(0))
print(f"status {os.waitstatus_to_exitcode(status)}")
