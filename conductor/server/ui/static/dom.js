// All HTML elements are created here. Content is set as text, never as markup, so nothing needs escaping.

import { rememberFocus } from "./focus.js";

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, to] of Object.entries(value)) element.style.setProperty(key, to);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

// A table. A heading is a string, or { label, content, sort } with an element and the sorting order.
export function table(headings, rows, empty = "None.") {
  if (!rows.length) return h("p", { class: "quiet" }, empty);
  const cells = (row) => row.map((cell, i) => h("td", { "data-label": headings[i].label ?? headings[i] }, h("span", {}, cell ?? "")));
  return h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, headings.map((heading) => h("th", { scope: "col", "aria-sort": heading.sort }, heading.content ?? heading)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, cells(row)))));
}

// Tabs: the arrow keys go from one to the next. `attributes` returns those of a tab, with an address or a handler.
export function tabs(titles, shown, attributes, panel) {
  const one = ([name, title]) => {
    const own = attributes(name);
    return h(own.href ? "a" : "button", { role: "tab", id: `tab-${name}`, "aria-selected": String(name === shown), "aria-controls": name === shown ? "tabpanel" : undefined,
      tabindex: name === shown ? "0" : "-1", ...own }, title);
  };
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Views", onkeydown: (event) => {
    const all = [...list.children];
    const at = all.indexOf(document.activeElement);
    const next = { ArrowRight: (at + 1) % all.length, ArrowLeft: (at + all.length - 1) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined || at < 0) return;
    event.preventDefault();
    all[next].focus();
    all[next].click();
  } }, Object.entries(titles).map(one));
  return [list, h("div", { class: "panel", id: "tabpanel", role: "tabpanel", "aria-labelledby": `tab-${shown}` }, panel)];
}

export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "");
  return h("dl", { class: "facts" }, known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function json(value) {
  return h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2));
}

// A value with a button that copies it.
export function copied(value) {
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    notice("Copied");
  };
  return h("span", { class: "mono" }, value, " ", h("button", { class: "link", title: "Copy", "aria-label": `Copy ${value}`, onclick: copy }, "copy"));
}

// Run an operation, and say what was done or why not; returns whether it was done.
export async function attempt(action, said) {
  try {
    await action();
    notice(said);
    return true;
  } catch (error) {
    notice(error.message, true);
    return false;
  }
}

const MAX_NOTICES = 3;

// Say what happened: a success for some seconds, an error until it is dismissed.
export function notice(text, bad = false) {
  const dismiss = bad && h("button", { class: "plain", "aria-label": "Dismiss", onclick: () => element.remove() }, "✕");
  const element = h("div", { class: bad ? "notice bad" : "notice", role: bad ? "alert" : undefined }, h("span", {}, text), dismiss);
  const notices = document.getElementById("notices");
  while (notices.children.length >= MAX_NOTICES) notices.firstChild.remove();
  notices.append(element);
  if (!bad) setTimeout(() => element.remove(), 4000);
}

// Let screen readers say what changed on the page.
export function announce(text) {
  document.getElementById("announced").textContent = text;
}

// A dialog with fields; resolves to the values, or to null if the user cancels.
export function ask(title, fields, action, danger = false) {
  return new Promise((resolve) => {
    const inputs = Object.fromEntries(fields.map((field) => [field.name, control(field)]));
    const problem = h("p", { class: "reason", role: "alert", hidden: true });
    const form = h("form", { method: "dialog", onsubmit: submit }, h("h2", { id: "dialog-title" }, title),
      fields.map((field) => h("label", {}, h("span", {}, field.label), inputs[field.name])), problem,
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: danger ? "danger" : "primary" }, action)));
    let result = null;
    function submit(event) {
      event.preventDefault();
      try {
        result = Object.fromEntries(fields.map((field) => [field.name, entered(field, inputs[field.name].value)]));
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
      }
    }
    const dialog = showDialog(form, () => resolve(result));
  });
}

// Show a dialog; when it is closed, the focus returns to the element that had it, or to what was drawn in its place.
export function showDialog(content, closed = () => {}) {
  const opener = document.activeElement;
  const back = rememberFocus(document.getElementById("main"));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => {
    dialog.remove();
    closed();
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    else back();
  } }, content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function control(field) {
  if (field.options) return h("select", {}, field.options.map((option) => h("option", { value: option, selected: option === field.value }, option)));
  return h(field.json ? "textarea" : "input", { value: field.value ?? "", required: field.required, type: field.secret ? "password" : undefined, spellcheck: "false", class: field.json ? "mono" : undefined });
}

function entered(field, text) {
  if (!field.json) return text.trim();
  if (field.optional && !text.trim()) return undefined;
  try {
    return JSON.parse(text || "{}");
  } catch (error) {
    throw new Error(`${field.label} is not JSON: ${error.message}`);
  }
}
