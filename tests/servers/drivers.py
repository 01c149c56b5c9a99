"""Asks `spendscope serve --postgres` over four Python drivers: every type arrives as it is, every kind of value can be
bound, cursors give rows in pieces, and a mistake leaves the line usable. Arguments: the ports of PostgreSQL and HTTP."""

import asyncio
import datetime
import decimal
import json
import sys

import asyncpg
import pg8000.dbapi
import psycopg
import sqlalchemy

PORT = int(sys.argv[1])
UTC = datetime.timezone.utc
COST = decimal.Decimal("12.345678901234567891")
LARGE = decimal.Decimal("100000000000.000000000000000001")
START = datetime.datetime(2026, 9, 1, tzinfo=UTC)
decimal.getcontext().prec = 60


def same(is_, wanted):
    assert is_ == wanted, f"{is_!r}, not {wanted!r}"


def with_psycopg():
    target = f"host=127.0.0.1 port={PORT} user=spendscope dbname=spendscope"
    with psycopg.connect(target) as line:
        for binary in (False, True):
            row = line.execute(
                "SELECT billed_cost, charge_period_start, tags, commitment_discount_id, service_name, "
                "CAST(charge_period_start AS DATE), 1, CAST(2.5 AS DOUBLE), true, NULL "
                "FROM charges WHERE service_name = %s",
                ["OpenAI API"],
                binary=binary,
            ).fetchone() if not binary else line.cursor(binary=True).execute(
                "SELECT billed_cost, charge_period_start, tags, commitment_discount_id, service_name, "
                "CAST(charge_period_start AS DATE), 1, CAST(2.5 AS DOUBLE), true, NULL "
                "FROM charges WHERE service_name = %s",
                ["OpenAI API"],
            ).fetchone()
            same(row[0], COST)
            same(row[1], START)
            same(row[2]["note"], 'a "b", c')
            same(row[3:], (None, "OpenAI API", datetime.date(2026, 9, 1), 1, 2.5, True, None))
            large = line.cursor(binary=binary).execute("SELECT max(billed_cost) FROM charges").fetchone()[0]
            same(large, LARGE)
        # Values: whole numbers against amounts, decimals, moments, days, texts that stand for them, lists, nothing.
        count = lambda sql, *values: line.execute(f"SELECT count(*) FROM charges WHERE {sql}", values).fetchone()[0]
        same(count("billed_cost > %s", 12), 2)
        same(count("billed_cost = %s", COST), 1)
        same(count("billed_cost = %s", LARGE), 1)
        same(count("charge_period_start >= %s", START + datetime.timedelta(hours=1)), 1)
        same(count("charge_period_start >= %s", datetime.datetime(2026, 9, 1)), 2)
        same(count("charge_period_start >= %s", datetime.date(2026, 9, 2)), 1)
        same(count("charge_period_start >= %s", "2026-09-02"), 1)
        same(count("service_name = ANY(%s)", ["Compute", "x"]), 1)
        same(count("service_name = %s", None), 0)
        same(line.execute("SELECT %s, %s, %s", [1, "x", decimal.Decimal("1.50")]).fetchone(), (1, "x", decimal.Decimal("1.50")))
        # The same statement often enough that the driver prepares it.
        for n in range(12):
            same(line.execute("SELECT value FROM generate_series(1, 20) WHERE value = %s", [n + 1]).fetchone(), (n + 1,))
        with line.cursor("pieces") as cursor:
            cursor.itersize = 1000
            cursor.execute("SELECT value FROM generate_series(1, 12345) ORDER BY value")
            same(cursor.fetchmany(3), [(1,), (2,), (3,)])
            same(sum(1 for _ in cursor), 12342)
        try:
            line.execute("SELECT nothing FROM charges")
            raise AssertionError("a column that does not exist")
        except psycopg.errors.UndefinedColumn as error:
            assert "nothing" in str(error), error
        line.rollback()
        try:
            line.execute("DELETE FROM charges")
            raise AssertionError("facts were taken away")
        except psycopg.errors.ReadOnlySqlTransaction:
            line.rollback()
        with line.transaction():
            same(line.execute("SELECT 1").fetchone(), (1,))
            with line.transaction():
                same(line.execute("SELECT 2").fetchone(), (2,))
        with line.pipeline():
            cursors = [line.execute("SELECT %s", [n]) for n in range(20)]
            same([c.fetchone()[0] for c in cursors], list(range(20)))
    print("psycopg ok")


def with_pg8000():
    line = pg8000.dbapi.connect(host="127.0.0.1", port=PORT, user="spendscope", database="spendscope")
    cursor = line.cursor()
    cursor.execute(
        "SELECT billed_cost, charge_period_start, tags, commitment_discount_id FROM charges WHERE service_name = %s",
        ("OpenAI API",),
    )
    row = cursor.fetchone()
    same(row[0], COST)
    same(row[1], START)
    tags = row[2] if isinstance(row[2], dict) else json.loads(row[2])
    same(tags["team"], "cx")
    same(row[3], None)
    cursor.execute("SELECT count(*) FROM charges WHERE billed_cost > %s AND charge_period_start < %s", (12, START + datetime.timedelta(days=9)))
    same(cursor.fetchone()[0], 2)
    line.rollback()
    line.close()
    print("pg8000 ok")


async def with_asyncpg():
    line = await asyncpg.connect(host="127.0.0.1", port=PORT, user="spendscope", database="spendscope")
    row = await line.fetchrow(
        "SELECT billed_cost, charge_period_start, tags, commitment_discount_id, "
        "CAST(charge_period_start AS DATE) AS day, 1 AS one FROM charges WHERE service_name = $1 AND billed_cost > $2",
        "OpenAI API",
        decimal.Decimal("1.5"),
    )
    same(row["billed_cost"], COST)
    same(row["charge_period_start"], START)
    same(json.loads(row["tags"])["team"], "cx")
    same(row["commitment_discount_id"], None)
    same((row["day"], row["one"]), (datetime.date(2026, 9, 1), 1))
    same(await line.fetchval("SELECT max(billed_cost) FROM charges"), LARGE)
    same(await line.fetchval("SELECT count(*) FROM charges WHERE charge_period_start >= $1", START), 2)
    async with line.transaction(readonly=True):
        got = [r["value"] async for r in line.cursor("SELECT value FROM generate_series(1, 1234) ORDER BY value", prefetch=100)]
        same(got, list(range(1, 1235)))
    try:
        await line.fetch("DROP TABLE charges")
        raise AssertionError("a table was dropped")
    except asyncpg.PostgresError:
        pass
    try:
        await line.fetch(
            "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a.value + b.value = -1",
            timeout=0.5,
        )
        raise AssertionError("a statement that never ends has ended")
    except asyncio.TimeoutError:
        pass
    same(await line.fetchval("SELECT 1"), 1)
    pool = await asyncpg.create_pool(
        host="127.0.0.1", port=PORT, user="spendscope", database="spendscope", min_size=2, max_size=4
    )
    got = await asyncio.gather(*(pool.fetchval("SELECT $1::bigint", n) for n in range(20)))
    same(got, list(range(20)))
    await pool.close()
    await line.close()
    print("asyncpg ok")


def with_sqlalchemy():
    for driver in ("psycopg", "pg8000", "asyncpg"):
        url = f"postgresql+{driver}://spendscope@127.0.0.1:{PORT}/spendscope"
        if driver == "asyncpg":
            continue  # its engine is for asyncio only; the driver itself is asked above
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as line:
            text = "SELECT service_name, billed_cost FROM charges WHERE billed_cost > :least ORDER BY billed_cost"
            rows = line.execute(sqlalchemy.text(text), {"least": 1}).all()
            same(rows[0], ("OpenAI API", COST))
        look = sqlalchemy.inspect(engine)
        assert "charges" in look.get_table_names(), look.get_table_names()
        assert "ledger" in look.get_view_names(), look.get_view_names()
        columns = {c["name"]: c for c in look.get_columns("charges")}
        assert isinstance(columns["billed_cost"]["type"], sqlalchemy.Numeric), columns["billed_cost"]
        assert isinstance(columns["charge_period_start"]["type"], sqlalchemy.DateTime), columns["charge_period_start"]
        same(look.get_pk_constraint("charges")["constrained_columns"], [])
        same(look.get_foreign_keys("charges"), [])
        table = sqlalchemy.Table("charges", sqlalchemy.MetaData(), autoload_with=engine)
        with engine.connect() as line:
            asked = sqlalchemy.select(sqlalchemy.func.count()).select_from(table).where(table.c.service_name == "Compute")
            same(line.execute(asked).scalar(), 1)
        engine.dispose()
    print("sqlalchemy ok")


failed = []
for name, ask in [
    ("psycopg", with_psycopg),
    ("pg8000", with_pg8000),
    ("asyncpg", lambda: asyncio.run(with_asyncpg())),
    ("sqlalchemy", with_sqlalchemy),
]:
    try:
        ask()
    except Exception:
        import traceback

        failed.append(name)
        traceback.print_exc()
sys.exit(f"failed: {failed}" if failed else 0)
