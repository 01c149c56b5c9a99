"""Many clients at once against `spendscope serve --postgres`: how many statements a second, how long they take.
Arguments: the ports of PostgreSQL and HTTP, how many clients, for how many seconds."""

import random
import statistics
import sys
import threading
import time
import urllib.request

import psycopg

PORT, HTTP, CLIENTS, SECONDS = (int(word) for word in sys.argv[1:5])
STATEMENTS = [
    ("SELECT count(*) FROM charges WHERE billed_cost > %s", [1]),
    ("SELECT service_name, sum(billed_cost) FROM charges GROUP BY service_name ORDER BY 2 DESC", []),
    ("SELECT scope, sum(effective_cost) FROM costs GROUP BY scope", []),
    ("SELECT charge_period_start, billed_cost, tags FROM charges ORDER BY 1 LIMIT 50", []),
]
took, errors, lock = [], [], threading.Lock()


def client(seed):
    rng = random.Random(seed)
    mine = []
    try:
        with psycopg.connect(f"host=127.0.0.1 port={PORT} user=spendscope dbname=spendscope", autocommit=True) as line:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                sql, values = rng.choice(STATEMENTS)
                begun = time.monotonic()
                line.execute(sql, values).fetchall()
                mine.append(time.monotonic() - begun)
    except Exception as error:  # what went wrong is counted, and told
        with lock:
            errors.append(repr(error))
    with lock:
        took.extend(mine)


begun = time.monotonic()
threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
passed = time.monotonic() - begun
took.sort()
at = lambda share: took[min(len(took) - 1, int(len(took) * share))] * 1000 if took else float("nan")
print(
    f"{CLIENTS} clients, {passed:.1f} s: {len(took)} statements, {len(took) / passed:.1f}/s, "
    f"p50 {at(0.5):.0f} ms, p99 {at(0.99):.0f} ms, mean {statistics.mean(took) * 1000 if took else 0:.0f} ms, {len(errors)} errors"
)
for error in errors[:3]:
    print(error)
running = urllib.request.urlopen(f"http://127.0.0.1:{HTTP}/metrics").read().decode()
print(next(line for line in running.splitlines() if line.startswith("spendscope_queries_running")))
sys.exit(1 if errors else 0)
