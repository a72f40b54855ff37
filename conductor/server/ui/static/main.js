// The frame of the page: shows the section that the address names, and refreshes it.

import { get, getOr } from "./api.js";
import { showClock } from "./clock.js";
import { watchConnection } from "./connection.js";
import { definition, definitions } from "./definitions.js";
import { h } from "./dom.js";
import { execution } from "./execution.js";
import { executions } from "./executions.js";
import { eventHandler, events } from "./events.js";
import { focusHeading, rememberFocus } from "./focus.js";
import { humanTask, inbox } from "./inbox.js";
import { help, listenToKeys } from "./keyboard.js";
import { names } from "./names.js";
import { queues } from "./queues.js";
import { schedule, schedules } from "./schedules.js";
import { themeButton } from "./theme.js";

const SECTIONS = { executions: "Executions", inbox: "Inbox", definitions: "Definitions", queues: "Queues and workers", schedules: "Schedules", events: "Events", names: "Secrets" };
const VIEWS = {
  executions: (path, search) => (path.length ? execution(path[0], search) : executions(search)),
  definitions: (path, search) => (path.length ? definition(path[0], path[1], path[2], search) : definitions()),
  queues: () => queues(),
  schedules: (path) => (path.length ? schedule(path[0]) : schedules()),
  events: (path) => (path.length ? eventHandler(path[0]) : events()),
  names: () => names(),
  inbox: (path, search) => (path.length ? humanTask(path[0]) : inbox(search)),
};

const main = document.getElementById("main");
let shown = 0;
let shownPath;
let refreshing;
let isFailed = false;
let hasInbox = false; // only the Orkes edition has human tasks with their own API

const HEARTBEAT = 10000; // milliseconds between checks of the server by views that do not refresh

function place() {
  const [address, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [section, ...path] = address.split("/").filter(Boolean).map(decodeURIComponent);
  return { section: section in VIEWS ? section : "executions", path, search: new URLSearchParams(search) };
}

function showNavigation(section) {
  const nav = document.getElementById("nav");
  nav.replaceChildren(...Object.entries(SECTIONS).filter(([name]) => name !== "inbox" || hasInbox || section === "inbox").map(([name, title]) =>
    h("a", { href: `#/${name}`, "aria-current": name === section ? "page" : undefined }, title)));
  nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// A view is { element, refresh?, every? }: refresh updates the element, every is in milliseconds.
async function show() {
  const turn = ++shown;
  clearTimeout(refreshing);
  const { section, path, search } = place();
  showNavigation(section);
  try {
    const view = await VIEWS[section](path, search);
    if (turn !== shown) return;
    main.replaceChildren(view.element);
    isFailed = false;
    keepFresh(view.refresh ? view : { refresh: () => get("/version"), every: HEARTBEAT }, turn);
  } catch (error) {
    if (turn !== shown) return;
    isFailed = true;
    main.replaceChildren(failure(error));
  }
  const heading = main.querySelector("h1")?.textContent;
  document.title = [heading, path.length && SECTIONS[section], "Conductor"].filter(Boolean).join(" · ");
  shownPath = [section, ...path].join("/");
  dispatchEvent(new Event("shown"));
}

function keepFresh(view, turn) {
  refreshing = setTimeout(async () => {
    try {
      if (!document.hidden) await view.refresh();
    } catch { /* the next attempt may be lucky; what is shown stays */ }
    if (turn === shown) keepFresh(view, turn);
  }, view.every ?? 3000);
}

function failure(error) {
  return h("div", { class: "panel" }, h("h1", {}, "This could not be shown"), h("p", { class: "reason" }, error.message),
    h("button", { onclick: show }, "Try again"));
}

// Another section is read from its heading; in the same section, the focus stays where it is.
addEventListener("hashchange", async () => {
  const { section, path } = place();
  const isSame = shownPath === [section, ...path].join("/");
  const restore = rememberFocus(main);
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close(); // it belongs to what was shown
  await show();
  if (isSame && restore()) return;
  scrollTo(0, 0);
  focusHeading(main);
});
document.getElementById("skip").onclick = () => focusHeading(main);
document.getElementById("tools").append(themeButton(), h("button", { class: "plain", title: "Keyboard shortcuts (?)", "aria-label": "Keyboard shortcuts", onclick: help }, "?"));
listenToKeys();
watchConnection(document.getElementById("banner"), () => {
  if (isFailed) show();
  showServer();
});
show();
showServer();
showClock(document.getElementById("clock"), show);

async function showServer() {
  const version = await getOr("/version", "").catch(() => "");
  const server = document.getElementById("server");
  server.textContent = version ? `server ${typeof version === "string" ? version : ""}` : "";
  server.title = server.textContent; // it can be cut
  if (!String(version).includes("Orkes")) return;
  hasInbox = true;
  showNavigation(place().section);
}
