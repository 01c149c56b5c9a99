// Asks `spendscope serve --postgres` over node-postgres. Arguments: the ports of PostgreSQL and HTTP.
const assert = require("node:assert");
const { Client, Pool } = require("pg");

(async () => {
  const target = { host: "127.0.0.1", port: Number(process.argv[2]), user: "spendscope", database: "spendscope" };
  const client = new Client(target);
  await client.connect();
  const { rows } = await client.query(
    "SELECT billed_cost, charge_period_start, tags, commitment_discount_id FROM charges WHERE service_name = $1",
    ["OpenAI API"],
  );
  assert.strictEqual(rows[0].billed_cost, "12.345678901234567891");
  assert.strictEqual(rows[0].charge_period_start.toISOString(), "2026-09-01T00:00:00.000Z");
  assert.strictEqual(rows[0].tags.note, 'a "b", c');
  assert.strictEqual(rows[0].commitment_discount_id, null);
  const since = new Date("2026-09-01T06:00:00Z");
  const later = await client.query("SELECT count(*) AS n FROM charges WHERE charge_period_start > $1 AND billed_cost > $2", [since, 5]);
  assert.strictEqual(later.rows[0].n, "1");
  const named = { name: "by-service", text: "SELECT count(*) AS n FROM charges WHERE service_name = $1" };
  for (const [service, n] of [["Compute", "1"], ["nobody", "0"]]) {
    assert.strictEqual((await client.query({ ...named, values: [service] })).rows[0].n, n);
  }
  await assert.rejects(client.query("DROP TABLE charges"), { code: "25006" });
  const script = await client.query("SELECT 1 AS a; SELECT 2 AS b");
  assert.strictEqual(script[1].rows[0].b, "2");
  await client.end();
  const pool = new Pool({ ...target, max: 8 });
  const all = await Promise.all([...Array(40).keys()].map((n) => pool.query("SELECT $1::bigint AS n", [n])));
  assert.strictEqual(all.length, 40);
  await pool.end();
  console.log("pg ok");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
