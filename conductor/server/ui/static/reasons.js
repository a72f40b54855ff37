// Why a task is not finished, as `conductor doctor` explains it, and when it times out.

import { getOr, part } from "./api.js";
import { h } from "./dom.js";
import { duration, isOver, link, serverNow, time } from "./format.js";

const RECENT = 90_000; // milliseconds after a poll in which a worker counts as active
const INTERNAL = new Set(["JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "FORK", "SWITCH"]);

const definitions = new Map();

// The definition of a task type, read once; null if the server has none.
export function definitionOf(name) {
  if (!definitions.has(name)) definitions.set(name, getOr(`/metadata/taskdefs/${part(name)}`, null).catch(() => null));
  return definitions.get(name);
}

// The deadlines of an open task: [{ name, at }], the next one first.
export function deadlines(task, definition) {
  if (isOver(task.status)) return [];
  const found = [];
  const add = (name, from, seconds) => from && seconds > 0 && found.push({ name, at: from + seconds * 1000 });
  if (task.status === "SCHEDULED") add("poll timeout", task.scheduledTime, definition?.pollTimeoutSeconds);
  if (task.status === "IN_PROGRESS") add("response timeout", task.updateTime || task.startTime, task.responseTimeoutSeconds);
  add("timeout", task.startTime || 0, definition?.timeoutSeconds);
  return found.sort((a, b) => a.at - b.at);
}

// The deadline of a running execution, or null.
export function workflowDeadline(run) {
  const seconds = run.workflowDefinition?.timeoutSeconds;
  const from = run.lastRetriedTime || run.createTime || run.startTime;
  return seconds > 0 && from && !isOver(run.status) ? { name: "timeout of the workflow", at: from + seconds * 1000 } : null;
}

// The reasons why a task is open: a list of elements and strings; empty for a task that is over.
export async function reasons(task, now = serverNow()) {
  if (isOver(task.status)) return [];
  const definition = await definitionOf(task.taskDefName || task.taskType);
  const found = await explained(task, definition, now);
  for (const { name, at } of deadlines(task, definition)) found.push([`${name} `, at > now ? `in ${duration(at - now)}, ` : "passed ", time(at)]);
  return found;
}

async function explained(task, definition, now) {
  switch (task.taskType) {
    case "WAIT": return [waiting(task, now)];
    case "HUMAN": return ["waits for a person to complete it"];
    case "WAIT_FOR_WEBHOOK": return ["waits for a call of its webhook"];
    case "EVENT": return ["waits until its event is sent"];
    case "SUB_WORKFLOW": return task.subWorkflowId ? [["waits for ", link(["executions", task.subWorkflowId], "its sub-workflow")]] : ["starts its sub-workflow"];
    default:
  }
  if (INTERNAL.has(task.taskType)) return [];
  if (task.status === "IN_PROGRESS") return [held(task)];
  return [...attempt(task, definition, now), ...(await queued(task.taskDefName || task.taskType, task.domain, definition))];
}

function waiting(task, now) {
  const { until, duration: span } = task.inputData ?? {};
  const due = task.waitTimeout || (task.callbackAfterSeconds ? (task.updateTime || task.startTime) + task.callbackAfterSeconds * 1000 : 0);
  if (due > now) return [`waits ${duration(due - now)}, until `, time(due)];
  return until || span ? `waits (${until || span})` : "waits for a signal";
}

function held(task) {
  const since = time(task.updateTime || task.startTime);
  return [`held by worker ${task.workerId || "?"} since `, since, task.responseTimeoutSeconds ? "" : "; it has no response timeout"];
}

function attempt(task, definition, now) {
  const number = task.retryCount ?? 0;
  const due = Math.max(task.scheduledTime, (task.updateTime || task.scheduledTime) + (task.callbackAfterSeconds ?? 0) * 1000);
  if (number === 0) return due > now ? [`is due in ${duration(due - now)}`] : [];
  const of = definition ? ` of ${definition.retryCount}` : "";
  return [due > now ? `retry ${number}${of} in ${duration(due - now)}` : `retry ${number}${of}`];
}

// Why tasks of a type wait in their queue: pollers and limits.
export async function queued(name, domain, definition) {
  const polled = await getOr(`/tasks/queue/polldata?taskType=${part(name)}`, []).catch(() => []);
  const found = [pollers(name, domain, Array.isArray(polled) ? polled : [])];
  if (!definition) found.push(`the server has no definition of ${name}: defaults apply`);
  const limit = definition?.concurrentExecLimit;
  if (limit > 0) {
    const open = await getOr(`/admin/task/${part(name)}?start=0&count=1000`, null).catch(() => null);
    const running = Array.isArray(open) ? open.filter((one) => one.status === "IN_PROGRESS").length : null;
    if (running === null || running >= limit) found.push(`limit of ${limit} concurrent tasks${running === null ? "" : `; ${running} are running`}`);
  }
  if (definition?.rateLimitPerFrequency > 0) found.push(`rate limit of ${definition.rateLimitPerFrequency} tasks per ${definition.rateLimitFrequencyInSeconds || 1} s`);
  return found;
}

function pollers(name, domain, polled) {
  const where = (one) => (one ? `in domain ${one}` : "without a domain");
  const recent = polled.filter((one) => serverNow() - one.lastPollTime < RECENT);
  const here = recent.filter((one) => (one.domain || "") === (domain || ""));
  if (here.length) return `polled by ${[...new Set(here.map((one) => one.workerId || "a worker without an id"))].join(", ")}`;
  if (recent.length) return `no worker polls ${name} ${where(domain)}; workers poll it ${[...new Set(recent.map((one) => where(one.domain)))].join(", ")}`;
  const last = Math.max(0, ...polled.map((one) => one.lastPollTime));
  return last ? [`no worker polls ${name}; the last poll was `, time(last)] : `no worker has ever polled ${name}`;
}

// A list of reasons that fills itself.
export function reasonList(task) {
  const element = h("ul", { class: "reasons" });
  reasons(task).then((found) => {
    element.replaceChildren(...found.map((one) => h("li", {}, one)));
    element.hidden = found.length === 0;
  });
  return element;
}

const MAX_SHOWN = 5;

// What an execution waits for: its open tasks with the reasons of each.
export function openTasks(run, choose) {
  const open = run.tasks.filter((task) => !isOver(task.status) && !INTERNAL.has(task.taskType));
  const last = workflowDeadline(run);
  if (isOver(run.status) || (!open.length && !last)) return null;
  return h("section", { class: "panel open", "aria-label": "What it waits for" },
    open.slice(0, MAX_SHOWN).map((task) => h("div", { class: "row baseline" },
      h("button", { class: "link", onclick: () => choose(task.taskId) }, task.referenceTaskName), h("span", { class: "quiet small" }, task.status), reasonList(task))),
    open.length > MAX_SHOWN && h("p", { class: "quiet small" }, `${open.length - MAX_SHOWN} more open tasks`),
    last && h("p", { class: "quiet small" }, `${last.name}: `, time(last.at)));
}
