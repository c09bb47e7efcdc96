// Asks for the page again, and takes over what has changed in it. Nodes that stay the same are left alone, and so are
// focus, selection and scroll position.
"use strict";

const EVERY = 5; // seconds from answer to question
const SLOWEST = 60; // the same, while nothing answers
const PATIENCE = 10; // seconds for an answer

const bar = document.getElementById("refresh");
const gone = document.getElementById("gone");
const said = document.createElement("span");
const button = document.createElement("button");

let wanted = true; // by the reader
let asking = false;
let wait = EVERY;
let timer = 0;
let answered = performance.now();

/** Makes `old` what `fresh` is. Both are elements of one kind. */
function take(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const wanted = [...fresh.childNodes];
  const keys = new Set(wanted.map(key));
  for (const child of [...old.childNodes]) {
    if (!keys.has(key(child))) child.remove();
  }
  let next = old.firstChild;
  for (const child of wanted) {
    const same = find(next, key(child));
    if (!same) {
      old.insertBefore(document.importNode(child, true), next);
      continue;
    }
    if (same === next) next = next.nextSibling;
    else old.insertBefore(same, next);
    if (same.nodeType === Node.ELEMENT_NODE) take(same, child);
    else if (same.data !== child.data) same.data = child.data;
  }
  while (next) {
    const rest = next;
    next = next.nextSibling;
    rest.remove();
  }
}

/** What a node is known by among its siblings: a task's row by its task, everything else by its kind. */
function key(node) {
  return node.dataset?.key || node.id || node.nodeName;
}

function find(node, wanted) {
  while (node && key(node) !== wanted) node = node.nextSibling;
  return node;
}

async function ask() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  try {
    const response = await fetch("./", { signal: AbortSignal.timeout(PATIENCE * 1000) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const main = fresh.querySelector("main");
    if (!main) throw new Error("another page answers");
    if (build(fresh) !== build(document)) return location.reload();
    show(fresh, main);
  } catch (error) {
    wait = Math.min(wait * 2, SLOWEST);
    miss(error);
  } finally {
    asking = false;
    plan();
  }
}

function show(fresh, main) {
  const focused = document.activeElement;
  document.title = fresh.title;
  take(document.querySelector("main"), main);
  // An element that was moved has lost it.
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  wait = EVERY;
  answered = performance.now();
  gone.hidden = true;
  gone.textContent = "";
}

function miss(error) {
  const reasons = { TimeoutError: `nothing was said for ${PATIENCE} s`, TypeError: "there is no connection" };
  const text = `The worker does not answer: ${reasons[error.name] ?? error.message}. What is shown here is old.`;
  // What does not change is not read out again.
  if (gone.textContent !== text) gone.textContent = text;
  gone.hidden = false;
  document.querySelector("main").className = "old";
}

function build(page) {
  return page.querySelector("meta[name=build]")?.content;
}

/** Asks again in a while, unless nobody looks. */
function plan() {
  clearTimeout(timer);
  if (wanted && !document.hidden) timer = setTimeout(ask, wait * 1000);
  tell();
}

function tell() {
  const age = Math.round((performance.now() - answered) / 1000);
  const old = age < 60 ? `${age} s` : `${Math.floor(age / 60)} min`;
  said.textContent = wanted && gone.hidden ? `Refreshed every ${EVERY} s` : `Refreshed ${old} ago`;
}

button.type = "button";
button.textContent = "Hold still";
button.setAttribute("aria-pressed", "false");
button.addEventListener("click", () => {
  wanted = !wanted;
  button.setAttribute("aria-pressed", String(!wanted));
  if (wanted) ask();
  else plan();
});
document.addEventListener("visibilitychange", () => (wanted && !document.hidden ? ask() : plan()));
setInterval(tell, 1000);
bar.replaceChildren(said, " ", button);
plan();
