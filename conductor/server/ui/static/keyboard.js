// Shortcuts: / searches, j and k go through the rows, g and a letter opens a section, ? lists them.

import { h, showDialog } from "./dom.js";

const HELP = [
  ["/", "search, or filter the list"], ["j and k", "next and previous row"], ["Enter", "open the row"], ["x", "select the row"],
  ["g, then e d q s v", "executions, definitions, queues, schedules, events"], ["+ − 0", "zoom a diagram in and out, and fit it"],
  ["Esc", "close the task or the dialog"], ["?", "this list"],
];
const SECTIONS = { e: "executions", d: "definitions", q: "queues", s: "schedules", v: "events" };
const HOLD = 1500; // milliseconds in which a letter follows g

let afterG = 0;

export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const isSection = Date.now() - afterG < HOLD && event.key in SECTIONS;
    afterG = 0;
    if (isSection) location.hash = `#/${SECTIONS[event.key]}`;
    else if (event.key in ACTIONS) ACTIONS[event.key]();
    else return;
    event.preventDefault();
  });
}

const isTyping = (element) => element instanceof Element && (element.closest("input:not([type=checkbox]), textarea, select") !== null || element.isContentEditable);

const ACTIONS = {
  "/": search, "?": help, j: () => move(1), k: () => move(-1), x: () => select(), g: () => { afterG = Date.now(); },
  Escape: () => document.querySelector("aside [aria-label=Close]")?.click(),
};

function search() {
  const field = document.querySelector("main [data-search]");
  if (field) field.focus();
  else {
    addEventListener("shown", () => setTimeout(() => document.querySelector("main [data-search]")?.focus()), { once: true });
    location.hash = "#/executions";
  }
}

const rows = () => [...document.querySelectorAll("main tbody tr")];

function move(by) {
  const all = rows();
  const at = all.indexOf(document.activeElement?.closest("tr"));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.querySelector("a, button")?.focus();
}

const select = () => document.activeElement?.closest("tr")?.querySelector("input[type=checkbox]")?.click();

export function help() {
  showDialog([
    h("h2", { id: "dialog-title" }, "Keyboard shortcuts"),
    h("dl", { class: "keys" }, HELP.map(([keys, meaning]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, meaning)])),
    h("form", { method: "dialog", class: "row" }, h("button", { class: "primary" }, "Close")),
  ]);
}
