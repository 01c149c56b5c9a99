"""Asks `spendscope serve --postgres` what BI tools ask of the catalogue before anybody has typed a query: the tables,
functions and casts that Grafana, Metabase, JDBC's metadata, DBeaver and ODBC use, in statements of our own. Each has
the least number of rows that the answer must have. Arguments: the ports of PostgreSQL and HTTP."""

import sys

import psycopg

ASKED = [
    # Metabase: settings, schemas, relations with what they mean, what may be read, columns, keys.
    ("metabase", "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", None),
    ("metabase", "SHOW TRANSACTION ISOLATION LEVEL", 1),
    ("metabase", "SELECT nspname, current_database() FROM pg_catalog.pg_namespace "
     "WHERE nspname <> 'pg_toast' AND nspname !~ '^pg_temp_' ORDER BY 1", 1),
    ("metabase", "SELECT n.nspname, c.relname, c.relkind, d.description FROM pg_catalog.pg_class c "
     "JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid LEFT JOIN pg_catalog.pg_description d "
     "ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass "
     "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'f', 'm') "
     "AND n.nspname IN ('public') ORDER BY 2", 20),
    ("metabase", "SELECT t.schemaname, t.tablename, has_table_privilege(current_user, t.schemaname || '.' || t.tablename, 'select'), "
     "has_any_column_privilege(current_user, t.tablename, 'update') FROM pg_catalog.pg_tables t "
     "WHERE t.schemaname !~ '^pg_' AND has_schema_privilege(current_user, t.schemaname, 'usage')", 10),
    ("metabase", "SELECT c.column_name, c.data_type, c.ordinal_position, c.is_nullable FROM information_schema.columns c "
     "WHERE c.table_schema = 'public' AND c.table_name = 'charges' ORDER BY 3", 10),
    ("metabase", "SELECT a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, CAST(a.attnum AS INT)) "
     "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON a.attrelid = c.oid "
     "WHERE c.relname = 'charges' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum", 10),
    ("metabase", "SELECT conname, contype FROM pg_catalog.pg_constraint WHERE contype IN ('p', 'f')", 0),
    # Grafana: its query builder lists tables and columns, and macros become plain SQL.
    ("grafana", "SELECT quote_ident(table_name) FROM information_schema.tables "
     "WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog') ORDER BY 1", 20),
    ("grafana", "SELECT quote_ident(column_name), data_type FROM information_schema.columns "
     "WHERE quote_ident(table_name) = (parse_ident('public.charges'))[2]", 10),
    ("grafana", "SELECT floor(extract(epoch FROM charge_period_start) / 86400) * 86400 AS \"time\", sum(billed_cost) "
     "FROM charges WHERE charge_period_start BETWEEN '2026-09-01T00:00:00Z' AND '2026-10-01T00:00:00Z' GROUP BY 1 ORDER BY 1", 2),
    ("grafana", "SELECT date_trunc('day', charge_period_start) AS \"time\", service_name AS metric, billed_cost AS value "
     "FROM charges ORDER BY 1, 2", 2),
    ("grafana", "SELECT version()", 1),
    # JDBC's metadata.
    ("jdbc", "SELECT NULL AS table_cat, n.nspname, c.relname, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' END "
     "FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname LIKE 'charges' ORDER BY 2, 3", 1),
    ("jdbc", "SELECT n.nspname, c.relname, a.attname, a.atttypid, a.attnotnull, a.atttypmod, a.attlen, t.typbasetype, t.typtype "
     "FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid "
     "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid JOIN pg_catalog.pg_type t ON a.atttypid = t.oid "
     "WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND c.relname = 'charges'", 10),
    ("jdbc", "SELECT t.typname, t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid "
     "WHERE n.nspname <> 'pg_toast' LIMIT 10", 1),
    # DBeaver, ODBC and others.
    ("dbeaver", "SELECT db.oid, db.datname FROM pg_catalog.pg_database db WHERE datallowconn ORDER BY db.datname", 1),
    ("dbeaver", "SELECT current_schema(), session_user, pg_backend_pid()", 1),
    ("dbeaver", "SHOW search_path", 1),
    ("dbeaver", "SELECT p.proname, pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), obj_description(p.oid, 'pg_proc') "
     "FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' ORDER BY 1", 5),
    ("odbc", "SELECT relname, relkind FROM pg_catalog.pg_class WHERE oid = 'public.charges'::regclass", 1),
    ("tools", "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public'", 20),
    ("tools", "SELECT name, setting FROM pg_catalog.pg_settings LIMIT 5", 0),
    ("tools", "SELECT rolname FROM pg_catalog.pg_roles", 0),
    ("tools", "SHOW server_version", 1),
    ("tools", "SHOW TABLES", 20),
]

failed = 0
with psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} user=spendscope dbname=spendscope", autocommit=True) as line:
    for tool, sql, least in ASKED:
        for prepare in (False, True):
            try:
                cursor = line.execute(sql, prepare=prepare)
                rows = None if least is None else len(cursor.fetchall())
                if least is not None and rows < least:
                    raise AssertionError(f"{rows} rows, not {least} or more")
            except Exception as error:
                failed += 1
                print(f"{tool}: {sql}\n  {error}")
                break
    described = line.execute(
        "SELECT count(*) FROM pg_catalog.pg_description d JOIN pg_catalog.pg_class c ON c.oid = d.objoid "
        "WHERE c.relname = 'charges' AND d.objsubid > 0"
    ).fetchone()[0]
    if described < 10:
        failed += 1
        print(f"only {described} columns of charges are described")
print(f"{failed} not answered" if failed else "all answered")
sys.exit(1 if failed else 0)
