// Definitions of workflows and tasks.

import { get, getOr, part } from "./api.js";
import { facts, h, json, table } from "./dom.js";
import { diagram, framed } from "./drawing.js";
import { link, time } from "./format.js";
import { startDialog } from "./start.js";

export async function definitions() {
  const [workflows, tasks] = await Promise.all([get("/metadata/workflow"), get("/metadata/taskdefs")]);
  const lists = h("div", {});
  const filter = h("input", { placeholder: "Part of a name", "aria-label": "Part of a name", oninput: draw });
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
  return table(["Name", "Version", "Description", "Tasks", "Changed", ""], newest.map((one) => [
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

export async function definition(kind, name, version) {
  return { element: kind === "task" ? await task(name) : await workflow(name, version) };
}

async function workflow(name, version) {
  const [found, versions] = await Promise.all([
    get(`/metadata/workflow/${part(name)}${version ? `?version=${part(version)}` : ""}`),
    getOr(`/metadata/workflow/${part(name)}/versions`, [])]);
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
    h("div", { class: "panel" }, framed(await diagram(found))), h("h2", {}, "JSON"), json(found));
}

async function task(name) {
  const found = await get(`/metadata/taskdefs/${part(name)}`);
  return h("div", {}, h("h1", {}, found.name), found.description && h("p", {}, found.description), h("h2", {}, "JSON"), json(found));
}
