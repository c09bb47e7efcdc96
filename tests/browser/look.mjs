// Looks at the page at / with a real browser: `node look.mjs SCENE URL HOSTILE`. Where something has to happen to the
// worker meanwhile, a line on stdout asks for it and a line on stdin says that it is done. What is wrong is printed on
// stderr, and the exit code is 1.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";

const { SJW_BROWSER_MODULES: modules, SJW_BROWSER_CHROMIUM: executablePath, SJW_BROWSER_PICTURES: pictures } = process.env;
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const axe = readFileSync(`${modules}/axe-core/axe.min.js`, "utf8");
const [scene, url, hostile] = process.argv.slice(2);

const VIEWS = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  "narrow-light": { colorScheme: "light", viewport: { width: 360, height: 740 } },
  "narrow-dark": { colorScheme: "dark", viewport: { width: 360, height: 740 } },
  middle: { colorScheme: "light", viewport: { width: 1000, height: 800 } },
  wide: { colorScheme: "dark", viewport: { width: 1920, height: 1000 } },
};

const browser = await chromium.launch({ executablePath });
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks the one who started this to do something, and waits until it is done. */
async function ask(what) {
  console.log(what);
  await answers.next();
}

/** A page that may say nothing to its console, and load nothing from elsewhere. */
async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("dialog", (dialog) => wrong.push(dialog.message()));
  page.on("request", (request) => request.url().startsWith(url) || wrong.push(`it loads ${request.url()}`));
  return { page, wrong };
}

/** What a machine can find of barriers, and whether everything fits. */
async function judge(page, name) {
  await page.screenshot({ path: `${pictures}/${scene}-${name}.png`, fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(found, [], `${scene} ${name}: barriers`);
  const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= room, `${scene} ${name}: ${width} px do not fit into ${room}`);
}

/** Roles and names as Chromium hands them to a screen reader. */
async function spoken(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const seen = nodes.filter((node) => !node.ignored);
  const names = (role) => seen.filter((node) => node.role?.value === role).map((node) => node.name?.value ?? "");
  return { names, count: (role) => names(role).length };
}

/** Every link and button has its turn, in the order of the page, and is seen to have it. */
async function tabbed(page) {
  const all = await page.$$eval("a[href], button", (found) => found.map((one) => one.outerHTML));
  const reached = [];
  for (const _ of all) {
    await page.keyboard.press("Tab");
    const [html, outline] = await page.evaluate(() => {
      const one = document.activeElement;
      return [one.outerHTML, getComputedStyle(one).outlineStyle];
    });
    assert.notEqual(outline, "none", `nobody sees that ${html} has the focus`);
    reached.push(html);
  }
  assert.deepEqual(reached, all, "the order of the keyboard");
}

async function views() {
  for (const [name, options] of Object.entries(VIEWS)) {
    const { page, wrong } = await open(options);
    await page.goto(url);
    await page.getByRole("button", { name: "Hold still" }).waitFor();
    await judge(page, name);
    const { names, count } = await spoken(page);
    const tasks = await page.locator("tr[data-key]").count();
    assert.equal(count("rowheader"), tasks, `${scene} ${name}: a heading for each row`);
    assert.ok(count("cell") >= tasks * 6, `${scene} ${name}: cells are cells`);
    assert.equal(count("columnheader") > 0, tasks > 0);
    assert.ok(names("heading").some((heading) => heading.startsWith("Tasks")));
    assert.deepEqual([count("banner"), count("main"), count("contentinfo"), count("navigation")], [1, 1, 1, 1]);
    if (name === "light") await tabbed(page);
    assert.deepEqual(wrong, [], `${scene} ${name}`);
    await page.context().close();
  }
  const { page, wrong } = await open({ ...VIEWS.light, javaScriptEnabled: false });
  await page.goto(url);
  await page.screenshot({ path: `${pictures}/${scene}-without-script.png`, fullPage: true });
  assert.match(await page.locator("#refresh").innerText(), /reload it/);
  assert.equal(await page.locator("main h2").count() >= 4, true);
  assert.deepEqual(wrong, []);
}

/** A hostile name is there as it is, wherever it stands, and nothing of it has become an element or has run. */
async function text() {
  const { page, wrong } = await open(VIEWS.light);
  await page.clock.install();
  await page.goto(url);
  for (const _ of [1, 2]) {
    const places = ["tr[data-key^=task-]", "tr[data-key^=finished-] span", "tr[data-key^=finished-] small", "main li"];
    for (const place of places) {
      const found = await page.locator(place).evaluateAll((all, part) => all.some((one) => one.textContent.includes(part)), hostile);
      assert.ok(found, `the name is text in ${place}`);
    }
    assert.equal(await page.locator("img, main script, [onclick], [onerror]").count(), 0);
    assert.match(await page.title(), /^Not well, 1 task/);
    // And the same after the script has taken it over.
    const answer = page.waitForResponse((response) => response.url() === url);
    await page.clock.runFor(6_000);
    await answer;
  }
  assert.deepEqual(wrong, []);
}

/** A page whose clock stands still, and what it has asked so far. */
async function stopped() {
  const { page, wrong } = await open({ ...VIEWS.dark, viewport: { width: 1280, height: 300 } });
  await page.clock.install();
  await page.goto(url);
  const asked = { count: 0 };
  page.on("request", (request) => (asked.count += Number(request.url() === url)));
  // The next question, and its answer or none.
  const next = async () => {
    const [before, question] = [asked.count, page.waitForRequest(url)];
    while (asked.count === before) await page.clock.runFor(1_000);
    await (await question).response();
  };
  const pass = async (seconds) => {
    for (let passed = 0; passed < seconds; passed += 5) await page.clock.runFor(5_000);
  };
  return { page, wrong, asked, next, pass };
}

const FINISHED = "tr[data-key^=finished-]";

/** The one who reads keeps the focus, and the place in the page, while rows come and go. */
async function kept({ page, next }) {
  const row = page.locator("tr[data-key^=task-]", { hasText: "stays" });
  await row.getByRole("link", { name: "log of the driver" }).focus();
  await page.evaluate(() => {
    window.kept = [document.activeElement, document.activeElement.closest("tr")];
    scrollTo(0, 120);
  });
  await ask("end");
  while ((await page.locator(FINISHED).count()) === 0) await next();
  assert.equal(await page.locator("tr[data-key^=task-]").count(), 1);
  const same = await page.evaluate(() => {
    const [link, row] = window.kept;
    return link === document.activeElement && row === link.closest("tr");
  });
  assert.ok(same, "the focus stays, and so does the row");
  assert.ok((await page.evaluate(() => scrollY)) > 0, "the place in the page stays");
}

/** Nothing is asked while nobody looks, or while the page is to be still. */
async function quiet({ page, asked, pass }) {
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const before = asked.count;
  await pass(300);
  assert.equal(asked.count, before, "a page that nobody sees asks nothing");
  const seen = page.waitForEvent("requestfinished");
  await page.evaluate(() => {
    delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await seen;
  assert.equal(asked.count, before + 1, "and asks once it is seen");

  const hold = page.getByRole("button", { name: "Hold still" });
  await hold.click();
  assert.equal(await hold.getAttribute("aria-pressed"), "true");
  await pass(300);
  assert.equal(asked.count, before + 1, "a page that is held still asks nothing");
  const again = page.waitForEvent("requestfinished");
  await hold.click();
  await again;
}

/** A worker that is gone is told, with the age of what is shown, and is not pressed; one that is back is shown. */
async function gone({ page, asked, next, pass }) {
  await ask("kill");
  const told = page.getByRole("alert");
  while (!(await told.isVisible())) await next();
  const text = "The worker does not answer: there is no connection. What is shown here is old.";
  assert.equal(await told.innerText(), text);
  await pass(125);
  assert.match(await page.locator("#refresh").innerText(), /^Refreshed \d+ min ago/);
  await page.setViewportSize(VIEWS.dark.viewport);
  await judge(page, "gone-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await judge(page, "gone-light");
  const before = asked.count;
  await pass(600);
  const questions = asked.count - before;
  assert.ok(questions >= 5 && questions <= 12, `${questions} questions in ten minutes to one who does not answer`);

  await ask("start");
  while (await told.isVisible()) await next();
  assert.equal(await page.locator(FINISHED).count(), 1, "it shows what is there now");
  assert.match(await page.locator("#refresh").innerText(), /^Refreshed every 5 s/);
}

/** A worker of another build brings another script: the page is loaded anew. */
async function upgraded({ page, next }) {
  const other = async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace('name="build" content="', "$&other-");
    await route.fulfill({ response, body });
  };
  await page.route(url, other, { times: 1 });
  const loaded = page.waitForEvent("load");
  await next();
  await loaded;
}

async function live() {
  const reader = await stopped();
  await kept(reader);
  await quiet(reader);
  assert.deepEqual(reader.wrong, []);
  await gone(reader);
  await upgraded(reader);
}

const scenes = { busy: [views], empty: [views], trouble: [views, text], live: [live] };
try {
  for (const look of scenes[scene]) await look();
} catch (error) {
  console.error(`${scene}: ${error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
process.exit();
