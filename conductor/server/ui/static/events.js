// Event handlers: what happens when an event arrives.

import { call, get, part } from "./api.js";
import { ask, attempt, facts, h, table } from "./dom.js";
import { editor } from "./editor.js";
import { redraw } from "./focus.js";
import { link } from "./format.js";

const EXAMPLE = { name: "", event: "conductor:workflow:name", active: true,
  actions: [{ action: "start_workflow", start_workflow: { name: "", input: {} } }] };

export async function events() {
  const element = h("div", {});
  const refresh = async () => {
    const all = (await get("/event")) ?? [];
    redraw(element, [h("div", { class: "row spread" }, h("h1", {}, "Event handlers"),
      h("a", { class: "button", href: "#/events/new" }, "New…")), listed(all, refresh)]);
  };
  await refresh();
  return { element, refresh, every: 10000 };
}

function listed(all, refresh) {
  return table(["Name", "Event", "Actions", "State", "Action"], [...all].sort((a, b) => a.name.localeCompare(b.name)).map((one) => [
    link(["events", one.name], one.name), h("span", { class: "mono" }, one.event), (one.actions ?? []).map((action) => action.action).join(", "),
    state(one), toggle(one, refresh)]), "No event handler is registered.");
}

const state = (one) => h("span", { class: one.active ? "status good" : "status wait" }, one.active ? "active" : "inactive");

function toggle(one, refresh) {
  const label = one.active ? "Deactivate" : "Activate";
  return h("button", { onclick: async () => {
    await attempt(() => call("PUT", "/event", { ...one, active: !one.active }), `${label}d`);
    await refresh();
  } }, label);
}

export async function eventHandler(name) {
  const found = name === "new" ? undefined : ((await get("/event")) ?? []).find((one) => one.name === name);
  if (!found && name !== "new") throw new Error(`There is no event handler ${name}.`);
  const save = { label: "Save", said: "Saved", send: async (value) => {
    await call(found ? "PUT" : "POST", "/event", value);
    location.hash = `#/events/${part(value.name)}`;
  } };
  return { element: h("div", {}, h("div", { class: "row spread" }, h("div", { class: "row" }, h("h1", {}, found?.name ?? "New event handler"), found && state(found)),
    found && h("button", { class: "danger", onclick: () => remove(name) }, "Delete…")),
  found && facts([["Event", h("span", { class: "mono" }, found.event)], ["Condition", found.condition], ["Evaluator", found.evaluatorType]]),
  h("h2", {}, "JSON"), editor(found ?? EXAMPLE, [save], "Event handler as JSON")) };
}

async function remove(name) {
  if (!(await ask(`Delete the event handler ${name}?`, [], "Delete", true))) return;
  if (await attempt(() => call("DELETE", `/event/${part(name)}`), "Deleted")) location.hash = "#/events";
}
