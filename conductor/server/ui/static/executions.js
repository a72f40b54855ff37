// The list of executions; the address contains the filters.

import { get, getOr, query } from "./api.js";
import { bulkBar } from "./bulk.js";
import { h, table } from "./dom.js";
import { redraw } from "./focus.js";
import { badge, duration, link, time } from "./format.js";
import { startDialog } from "./start.js";

const STATUSES = ["", "RUNNING", "COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED", "PAUSED"];
const SPANS = [["", "any time"], ["15", "last 15 minutes"], ["60", "last hour"], ["1440", "last day"], ["10080", "last week"]];
const SORTED = { Workflow: "workflowType", Status: "status", Started: "startTime", Took: "executionTime" };
const SIZE = 25;

export async function executions(search) {
  const names = Object.keys(await getOr("/metadata/workflow/names-and-versions", {})).sort();
  const results = h("div", {});
  const view = h("div", {},
    h("div", { class: "row spread" }, h("h1", {}, "Executions"),
      h("button", { class: "primary", onclick: () => startDialog() }, "Start a workflow")),
    filters(search, names), results);
  const chosen = new Set();
  const refresh = async () => redraw(results, await page(search, chosen, refresh));
  await refresh();
  return { element: view, refresh, every: 4000 };
}

function filters(search, names) {
  const field = (label, control) => h("label", {}, h("span", {}, label), control);
  const select = (name, options) => h("select", { name }, options.map(([value, text]) =>
    h("option", { value, selected: (search.get(name) ?? "") === value }, text)));
  const input = (name, hints) => h("input", { name, value: search.get(name) ?? "", placeholder: hints, spellcheck: "false" });
  const form = h("form", { class: "filters", onsubmit: apply, onchange: apply },
    field("Workflow", h("input", { name: "type", value: search.get("type") ?? "", list: "names", placeholder: "any, * as wildcard", spellcheck: "false", "data-search": true })),
    h("datalist", { id: "names" }, names.map((name) => h("option", { value: name }))),
    field("Status", select("status", STATUSES.map((status) => [status, status || "any"]))),
    field("Started", select("since", SPANS)),
    field("Workflow id", input("id", "exact")),
    field("Correlation id", input("correlation", "exact, * as wildcard")),
    field("Free text", input("text", "in input, output, reason")),
    h("button", {}, "Search"));
  function apply(event) {
    event.preventDefault();
    go({ ...Object.fromEntries(new FormData(form)), sort: search.get("sort") });
  }
  return form;
}

function go(parameters) {
  const target = `#/executions${query(parameters)}`;
  if (location.hash === target) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = target;
}

// Values are quoted. The query language drops its special characters from values, so a value cannot contain them.
const quoted = (value) => `'${value.replace(/["'(),]/g, "")}'`;

function condition(search) {
  const conditions = [];
  const equals = (field, name) => search.get(name) && conditions.push(`${field}=${quoted(search.get(name).trim())}`);
  equals("workflowType", "type");
  equals("status", "status");
  equals("workflowId", "id");
  equals("correlationId", "correlation");
  if (search.get("since")) conditions.push(`startTime>${Date.now() - Number(search.get("since")) * 60000}`);
  return conditions.join(" AND ");
}

// A heading that sorts the list; a second click reverses the order.
function heading(label, search, order) {
  const field = SORTED[label];
  if (!field) return label;
  const [by, direction] = order.split(":");
  const next = by === field && direction === "DESC" ? "ASC" : "DESC";
  const content = h("button", { class: "link", onclick: () => go({ ...Object.fromEntries(search), sort: `${field}:${next}`, start: "" }) },
    label, by === field ? (direction === "DESC" ? " ↓" : " ↑") : "");
  return { label, content, sort: by === field ? (direction === "DESC" ? "descending" : "ascending") : undefined };
}

async function page(search, chosen, refresh) {
  const order = search.get("sort") || "startTime:DESC";
  const start = Number(search.get("start") ?? 0);
  const found = await get(`/workflow/search${query({
    start, size: SIZE, sort: order, freeText: search.get("text") || "*", query: condition(search) })}`);
  const bar = bulkBar(chosen, refresh);
  const ids = found.results.map((item) => item.workflowId);
  const box = (id) => h("input", { type: "checkbox", "aria-label": `Select ${id}`, checked: chosen.has(id), onchange: (event) => {
    if (event.target.checked) chosen.add(id);
    else chosen.delete(id);
    bar.update();
  } });
  const all = h("input", { type: "checkbox", "aria-label": "Select all on this page", checked: ids.length > 0 && ids.every((id) => chosen.has(id)), onchange: (event) => {
    for (const id of ids) if (event.target.checked) chosen.add(id); else chosen.delete(id);
    for (const one of all.closest("table").querySelectorAll("tbody input[type=checkbox]")) one.checked = event.target.checked;
    bar.update();
  } });
  const rows = found.results.map((item) => [box(item.workflowId),
    link(["executions", item.workflowId], item.workflowType), badge(item.status), time(item.startTime),
    item.status === "RUNNING" ? "" : h("span", { class: "nowrap" }, duration(item.executionTime)),
    h("span", { class: "mono id" }, link(["executions", item.workflowId], item.workflowId)),
    item.correlationId, item.reasonForIncompletion && h("span", { class: "small quiet" }, shortened(item.reasonForIncompletion))]);
  const turn = (by) => go({ ...Object.fromEntries(search), start: Math.max(0, start + by) || "" });
  const names = ["Workflow", "Status", "Started", "Took", "Id", "Correlation id", "Reason"];
  return [bar.element,
    table([{ label: "Select", content: all }, ...names.map((name) => heading(name, search, order))], rows, "No execution matches."),
    h("div", { class: "row spread gap" },
      h("span", { class: "quiet small" }, rows.length ? `${start + 1}–${start + rows.length} of ${found.totalHits}` : ""),
      h("span", { class: "row" },
        h("button", { disabled: start === 0, onclick: () => turn(-SIZE) }, "Newer"),
        h("button", { disabled: start + rows.length >= found.totalHits, onclick: () => turn(SIZE) }, "Older")))];
}

const shortened = (text) => (text.length > 120 ? `${text.slice(0, 120)}…` : text);
