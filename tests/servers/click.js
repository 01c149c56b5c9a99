// Clicks through the live page in a headless Chromium: board, drill-down from scope to task, SQL, CSV, the picker;
// wide and narrow, light and dark. Nothing may appear on the console, nothing may be fetched from elsewhere.
// Arguments: the ports of PostgreSQL and HTTP, a folder for pictures.
const assert = require("node:assert");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [, , , port, folder] = process.argv;
const home = `http://127.0.0.1:${port}`;
const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((file) => require("node:fs").existsSync(file));

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  for (const [width, scheme] of [[1400, "light"], [1400, "dark"], [390, "light"], [390, "dark"]]) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
    // The first page of a lake that nobody has asked yet works out what later ones find.
    page.setDefaultTimeout(120_000);
    const said = [];
    page.on("console", (message) => said.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => said.push(`error: ${error}`));
    // What is saved as a file is no page: the browser gives up loading it as one.
    page.on("requestfailed", (request) => request.url().includes(".csv") || said.push(`failed: ${request.url()}`));
    page.on("request", (request) => request.url().startsWith(home) || said.push(`elsewhere: ${request.url()}`));
    page.on("response", (response) => response.status() >= 400 && said.push(`${response.status()}: ${response.url()}`));
    const shot = (name) => page.screenshot({ path: path.join(folder, `${name}-${width}-${scheme}.png`), fullPage: true });
    const fits = async (name) => {
      // A page that is still on its way has no width yet.
      await page.waitForLoadState("load");
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `${name} is ${over} pixels wider than a window of ${width}`);
    };
    await page.goto(home);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.strictEqual(await page.locator(".card .value").first().isVisible(), true);
    await fits("the board");
    await shot("board");
    await page.getByRole("link", { name: "Spend", exact: true }).click();
    await page.waitForURL("**/spend*");
    await fits("spend");
    await shot("spend");
    for (const step of ["AI", "chat", "small", "t1"]) {
      await page.locator("td").getByRole("link", { name: step, exact: true }).click();
    }
    assert.match(await page.getByRole("heading", { level: 1 }).innerText(), /task t1/);
    const sum = page.locator("td", { hasText: "6.17" }).first();
    assert.ok(await sum.isVisible());
    const code = page.locator("details.code");
    if (!(await code.evaluate((element) => element.open))) await code.locator("summary").click();
    assert.match(await code.locator("pre").innerText(), /\$at_task_id/);
    await fits("a task");
    await shot("task");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
    assert.strictEqual(download.suggestedFilename(), "spend-by-leaf.csv");
    await page.locator("ol.trail").getByRole("link", { name: "chat" }).click();
    assert.match(await page.getByRole("heading", { level: 1 }).innerText(), /use case chat/);
    await page.getByRole("link", { name: "Board", exact: true }).click();
    await page.locator("section").getByRole("link", { name: /^SQL of/ }).first().click();
    assert.match(await page.locator("pre").innerText(), /SELECT/);
    await fits("a metric");
    await shot("metric");
    await page.getByRole("link", { name: "Board", exact: true }).click();
    await page.locator("#period").selectOption({ index: 0 });
    await page.getByRole("button", { name: "Show" }).first().click();
    assert.match(page.url(), /period=/);
    await page.locator("#from").fill("2026-09-01");
    await page.locator("#to").fill("2026-09-03");
    await page.getByRole("button", { name: "Show" }).last().click();
    assert.match(page.url(), /from=2026-09-01&to=2026-09-03/);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.deepStrictEqual(said, []);
    await page.close();
  }
  await browser.close();
  console.log("clicked through");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
