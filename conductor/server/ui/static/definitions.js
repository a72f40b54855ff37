// Definitions of workflows and tasks.

import { call, get, getOr, part, query } from "./api.js";
import { comparison } from "./compare.js";
import { facts, h, json, table, tabs } from "./dom.js";
import { editor } from "./editor.js";
import { diagram, framed } from "./drawing.js";
import { link, time } from "./format.js";
import { startDialog } from "./start.js";

export async function definitions() {
  const [workflows, tasks] = await Promise.all([get("/metadata/workflow"), get("/metadata/taskdefs")]);
  const lists = h("div", {});
  const filter = h("input", { placeholder: "Part of a name", "aria-label": "Part of a name", "data-search": true, oninput: draw });
  function draw() {
    const matches = (one) => one.name.toLowerCase().includes(filter.value.toLowerCase());
    lists.replaceChildren(
      h("h2", {}, "Workflows"), workflowTable(workflows.filter(matches)), h("h2", {}, "Tasks"), taskTable(tasks.filter(matches)));
  }
  draw();
  return { element: h("div", {}, h("div", { class: "row spread" }, h("h1", {}, "Definitions"), filter), lists) };
}

function workflowTable(workflows) {
  const newest = [...workflows].sort((a, b) => a.name.localeCompare(b.name) || b.version - a.version);
  return table(["Name", "Version", "Description", "Tasks", "Changed", "Action"], newest.map((one) => [
    link(["definitions", "workflow", one.name, String(one.version)], one.name), String(one.version), one.description ?? "",
    String(one.tasks.length), time(one.updateTime || one.createTime),
    h("button", { onclick: () => startDialog(one.name, String(one.version)) }, "Start…")]), "No workflow is defined.");
}

function taskTable(tasks) {
  return table(["Name", "Description", "Retries", "Timeout", "Response timeout", "Limit"],
    [...tasks].sort((a, b) => a.name.localeCompare(b.name)).map((one) => [
      link(["definitions", "task", one.name], one.name), one.description ?? "",
      `${one.retryCount} ${one.retryLogic}, ${one.retryDelaySeconds} s`, one.timeoutSeconds ? `${one.timeoutSeconds} s, ${one.timeoutPolicy}` : "none",
      `${one.responseTimeoutSeconds} s`, one.concurrentExecLimit ? String(one.concurrentExecLimit) : ""]), "No task is defined.");
}

export async function definition(kind, name, version, search) {
  return { element: kind === "task" ? await task(name) : await workflow(name, version, search) };
}

const TABS = { diagram: "Diagram", edit: "Edit", compare: "Compare versions", source: "JSON" };
// Fields that the server sets, which do not count as differences.
const STAMPS = ["createTime", "updateTime", "createdBy", "updatedBy"];

async function workflow(name, version, search) {
  const [found, versions] = await Promise.all([
    get(`/metadata/workflow/${part(name)}${version ? `?version=${part(version)}` : ""}`),
    getOr(`/metadata/workflow/${part(name)}/versions`, [])]);
  const shown = search?.get("tab") in TABS ? search.get("tab") : "diagram";
  const numbers = versions.map((one) => (typeof one === "object" ? one.version : one));
  return h("div", {},
    h("div", { class: "row spread" }, h("h1", {}, found.name),
      h("div", { class: "row" },
        h("a", { class: "button", href: `#/executions?type=${part(found.name)}` }, "Executions"),
        h("button", { class: "primary", onclick: () => startDialog(found.name, String(found.version)) }, "Start…"))),
    found.description && h("p", {}, found.description),
    facts([["Version", String(found.version)],
      ["Versions", numbers.length > 1 && h("span", { class: "row" }, numbers.map((one) => link(["definitions", "workflow", name, String(one)], String(one))))],
      ["Owner", found.ownerEmail], ["Changed", time(found.updateTime || found.createTime)],
      ["Timeout", found.timeoutSeconds ? `${found.timeoutSeconds} s, ${found.timeoutPolicy}` : "none"], ["Failure workflow", found.failureWorkflow],
      ["Input", (found.inputParameters ?? []).join(", ")]]),
    tabs(TABS, shown, (tab) => ({ href: address(found, { tab }) }), await content(shown, found, numbers, search)));
}

const address = (found, parameters) => `#/definitions/workflow/${part(found.name)}/${found.version}${query(parameters)}`;

async function content(tab, found, numbers, search) {
  switch (tab) {
    case "edit": return editWorkflow(found, numbers);
    case "compare": return compareVersions(found, numbers, search);
    case "source": return json(found);
    default: return framed(await diagram(found));
  }
}

function editWorkflow(found, numbers) {
  const save = async (value) => {
    await call("POST", "/metadata/workflow/validate", value);
    const result = await call("PUT", "/metadata/workflow", [value]);
    const problem = Object.values(result?.bulkErrorResults ?? {})[0];
    if (problem) throw new Error(problem);
    location.hash = address(value, {});
  };
  const next = Math.max(found.version, ...numbers) + 1;
  return editor(found, [
    { label: `Save version ${found.version}`, said: "Saved", send: save },
    { label: `Save as version ${next}`, said: `Saved as version ${next}`, send: (value) => save({ ...value, version: next }) },
  ], "Definition as JSON");
}

const text = (found) => JSON.stringify(Object.fromEntries(Object.entries(found).filter(([key]) => !STAMPS.includes(key))), null, 2);

async function compareVersions(found, numbers, search) {
  const others = numbers.filter((one) => one !== found.version);
  if (!others.length) return h("p", { class: "quiet" }, "There is one version only.");
  const with_ = others.includes(Number(search.get("with"))) ? Number(search.get("with")) : (others.filter((one) => one < found.version).at(-1) ?? others[0]);
  const other = await get(`/metadata/workflow/${part(found.name)}?version=${with_}`);
  const choose = h("select", { onchange: () => { location.hash = address(found, { tab: "compare", with: choose.value }); } },
    others.map((one) => h("option", { value: one, selected: one === with_ }, String(one))));
  return h("div", {}, h("label", { class: "row" }, h("span", {}, "From version"), choose, h("span", {}, `to version ${found.version}`)), comparison(text(other), text(found)));
}

async function task(name) {
  const found = await get(`/metadata/taskdefs/${part(name)}`);
  const save = { label: "Save", said: "Saved", send: (value) => call("PUT", "/metadata/taskdefs", value) };
  return h("div", {}, h("h1", {}, found.name), found.description && h("p", {}, found.description), h("h2", {}, "JSON"), editor(found, [save], "Definition as JSON"));
}
