// One execution: its tasks as a diagram, a timeline and a table, and the operations on it.

import { call, get, part, query } from "./api.js";
import { announce, ask, copied, facts, h, json, notice, table, tabs } from "./dom.js";
import { focusHeading, redraw, rememberFocus } from "./focus.js";
import { diagram, framed, withTasks } from "./drawing.js";
import { badge, duration, isOver, link, serverNow, time } from "./format.js";
import { definitionOf, openTasks } from "./reasons.js";
import { rerunDialog } from "./rerun.js";
import { startDialog } from "./start.js";
import { taskPanel } from "./task.js";
import { timeline } from "./timeline.js";

const TABS = { diagram: "Diagram", timeline: "Timeline", tasks: "Tasks", data: "Input and output", source: "JSON" };

const LARGE = 1_000_000; // characters; larger executions are refreshed less often

export async function execution(id, search) {
  const state = { id, tab: search.get("tab") in TABS ? search.get("tab") : "diagram", task: search.get("task"), run: null, shown: "", svg: null, view: {}, definitions: new Map() };
  const element = h("div", {});
  const refresh = async (force = false) => {
    if (state.run && isOver(state.run.status) && force !== true) return;
    const before = state.run?.status;
    state.run = await get(`/workflow/${part(id)}`);
    if (before && before !== state.run.status) announce(`${state.run.workflowName} is ${state.run.status}`);
    const seen = JSON.stringify(state.run);
    if (seen !== state.shown || force) {
      state.svg = null;
      await draw();
    }
    state.shown = seen;
  };
  const draw = async () => {
    if (state.tab === "timeline") await readDefinitions(state);
    if (state.tab === "diagram") state.svg ??= await diagram(state.run);
    redraw(element, parts(state, element, draw, () => refresh(true)));
  };
  await refresh();
  return { element, refresh, get every() { return state.shown.length > LARGE ? 10000 : 2000; } };
}

// The deadlines of open tasks are in their definitions.
async function readDefinitions(state) {
  const names = new Set(state.run.tasks.filter((task) => !isOver(task.status)).map((task) => task.taskDefName || task.taskType));
  await Promise.all([...names].map(async (name) => state.definitions.set(name, await definitionOf(name))));
}

function parts(state, element, draw, reload) {
  const { run } = state;
  // Open a task in the panel, or close the panel; the focus goes there and back.
  const choose = async (taskId) => {
    if (taskId && !state.task) state.back = rememberFocus(element);
    state.task = taskId;
    remember(state);
    await draw();
    if (taskId) focusHeading(element.querySelector("aside"), {});
    else {
      document.activeElement?.blur();
      state.back?.();
    }
  };
  const task = run.tasks.find((one) => one.taskId === state.task);
  const open = (name) => ({ onclick: () => {
    state.tab = name;
    remember(state);
    draw();
  } });
  const [list, content] = tabs(TABS, state.tab, open, body(state, choose));
  return [
    h("div", { class: "row spread" },
      h("div", { class: "row" }, h("h1", {}, run.workflowName ?? run.workflowType), badge(run.status)),
      h("div", { class: "row" }, actions(run, reload))),
    run.reasonForIncompletion && h("p", { class: "reason" }, run.reasonForIncompletion),
    facts([
      ["Id", copied(run.workflowId)],
      ["Version", link(["definitions", "workflow", run.workflowName, String(run.workflowVersion)], String(run.workflowVersion))],
      ["Started", time(run.createTime ?? run.startTime)], ["Ended", time(run.endTime)],
      ["Took", duration((run.endTime || serverNow()) - (run.createTime ?? run.startTime))],
      ["Correlation id", run.correlationId], ["Priority", run.priority ? String(run.priority) : ""],
      ["Parent", run.parentWorkflowId && link(["executions", run.parentWorkflowId], run.parentWorkflowId)],
    ]),
    openTasks(run, choose),
    list,
    h("div", { class: task ? "split open" : "split" }, content,
      task && h("aside", { class: "panel side", "aria-label": `Task ${task.referenceTaskName}` }, taskPanel(run, task, choose, reload))),
  ].filter(Boolean);
}

function remember(state) {
  history.replaceState(null, "", `#/executions/${part(state.id)}${query({ tab: state.tab, task: state.task })}`);
}

function body(state, choose) {
  const { run } = state;
  switch (state.tab) {
    case "timeline": return timeline(run, choose, state.definitions);
    case "tasks": return taskTable(run, choose);
    case "data": return dataOf(run);
    case "source": return json(run);
    default: return framed(withTasks(state.svg, state.task, choose), state.view);
  }
}

function taskTable(run, choose) {
  return table(["#", "Task", "Type", "Status", "Attempt", "Scheduled", "Took", "Worker"], run.tasks.map((task) => [
    String(task.seq), h("button", { class: "link", onclick: () => choose(task.taskId) }, task.referenceTaskName), task.taskType, badge(task.status),
    String((task.retryCount ?? 0) + 1), time(task.scheduledTime),
    task.startTime ? duration((task.endTime || serverNow()) - task.startTime) : "", task.workerId]), "No task has been scheduled.");
}

function dataOf(run) {
  return h("div", {}, h("h2", {}, "Input"), json(run.input), h("h2", {}, "Output"), json(run.output),
    h("h2", {}, "Variables"), json(run.variables), h("h2", {}, "Task domains"), json(run.taskToDomain));
}

function actions(run, reload) {
  const path = `/workflow/${part(run.workflowId)}`;
  const act = (label, method, target, said) => h("button", { onclick: () => attempt(() => call(method, target), said, reload) }, label);
  const buttons = [];
  if (run.status === "RUNNING") buttons.push(act("Pause", "PUT", `${path}/pause`, "Paused"));
  if (run.status === "PAUSED") buttons.push(act("Resume", "PUT", `${path}/resume`, "Resumed"));
  if (!isOver(run.status)) buttons.push(h("button", { class: "danger", onclick: () => terminate(path, reload) }, "Terminate"));
  else {
    if (run.status !== "COMPLETED") buttons.push(act("Retry", "POST", `${path}/retry`, "Retried"));
    const failed = run.tasks.findLast((task) => ["FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT"].includes(task.status));
    if (failed) buttons.push(h("button", { onclick: () => rerunDialog(run, failed, reload) }, "Retry with other input…"));
    buttons.push(act("Restart", "POST", `${path}/restart`, "Restarted"));
    buttons.push(act("Restart with the latest definition", "POST", `${path}/restart?useLatestDefinitions=true`, "Restarted"));
  }
  buttons.push(h("button", { onclick: () => startDialog(run.workflowName, String(run.workflowVersion), run.input) }, "Start again…"));
  return buttons;
}

async function terminate(path, reload) {
  const entered = await ask("Terminate this execution?", [{ name: "reason", label: "Reason" }], "Terminate", true);
  if (entered) await attempt(() => call("DELETE", path + query({ reason: entered.reason })), "Terminated", reload);
}

async function attempt(action, said, reload) {
  try {
    await action();
    notice(said);
  } catch (error) {
    notice(error.message, true);
  }
  await reload();
}
