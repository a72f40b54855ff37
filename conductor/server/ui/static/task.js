// One task of an execution: its attempts, input, output and logs, and the dialog that ends a waiting task.

import { call, getOr, part } from "./api.js";
import { ask, copied, facts, h, json, notice } from "./dom.js";
import { badge, duration, isOver, link, serverNow, time } from "./format.js";
import { reasonList } from "./reasons.js";
import { rerunDialog } from "./rerun.js";

export function taskPanel(run, task, choose, reload) {
  const attempts = run.tasks.filter((one) => one.referenceTaskName === task.referenceTaskName);
  return [
    h("div", { class: "row spread" }, h("h2", {}, task.referenceTaskName),
      h("button", { "aria-label": "Close", onclick: () => choose(null) }, "✕")),
    h("div", { class: "row gap" }, badge(task.status), h("span", { class: "quiet" }, task.taskType)),
    task.reasonForIncompletion && h("p", { class: "reason" }, task.reasonForIncompletion),
    !isOver(task.status) && !isOver(run.status) && reasonList(task),
    attempts.length > 1 && h("div", { class: "row gap" }, h("span", { class: "quiet small" }, "Attempts"),
      attempts.map((one) => h("button", { class: one === task ? "primary" : undefined, onclick: () => choose(one.taskId) },
        `${(one.retryCount ?? 0) + 1} ${one.status}`))),
    facts([
      ["Task id", copied(task.taskId)], ["Definition", task.taskDefName], ["Domain", task.domain],
      ["Scheduled", time(task.scheduledTime)], ["Started", time(task.startTime)], ["Ended", time(task.endTime)],
      ["Waited", task.startTime ? duration(task.startTime - task.scheduledTime) : ""],
      ["Took", task.startTime ? duration((task.endTime || serverNow()) - task.startTime) : ""],
      ["Worker", task.workerId], ["Polled", task.pollCount ? `${task.pollCount} ${task.pollCount === 1 ? "time" : "times"}` : ""],
      ["Due after", task.callbackAfterSeconds && !isOver(task.status) ? `${task.callbackAfterSeconds} s` : ""],
      ["Iteration", task.iteration ? String(task.iteration) : ""],
      ["Human task", task.inputData?.__humanTaskProcessContext && link(["inbox", task.taskId], "in the inbox")],
      ["Child", task.subWorkflowId && link(["executions", task.subWorkflowId], task.subWorkflowId)],
    ]),
    !isOver(task.status) && !isOver(run.status) && ending(run, task, reload),
    isOver(run.status) && h("div", { class: "row gap" }, h("button", { onclick: () => rerunDialog(run, task, reload) }, "Run again from here…")),
    h("h3", {}, "Input"), json(task.inputData), h("h3", {}, "Output"), json(task.outputData),
    h("h3", {}, "Logs"), logs(task.taskId),
  ];
}

function logs(taskId) {
  const element = h("div", {}, h("p", { class: "quiet" }, "…"));
  getOr(`/tasks/${part(taskId)}/log`, []).then((lines) => element.replaceChildren(lines.length
    ? h("pre", { tabindex: "0" }, lines.map((line) => `${new Date(line.createdTime).toISOString()}  ${line.log}\n`))
    : h("p", { class: "quiet" }, "None.")), (error) => element.replaceChildren(error.message));
  return element;
}

function ending(run, task, reload) {
  const button = (label, status, danger) => h("button", { class: danger ? "danger" : undefined, onclick: () => end(run, task, status, reload) }, label);
  return h("div", { class: "row gap" }, button("Complete…", "COMPLETED"), button("Fail…", "FAILED", true));
}

async function end(run, task, status, reload) {
  const entered = await ask(`${status === "FAILED" ? "Fail" : "Complete"} ${task.referenceTaskName}`, [
    status === "FAILED" && { name: "reason", label: "Reason" },
    { name: "output", label: "Output", value: "{}", json: true }].filter(Boolean), status === "FAILED" ? "Fail" : "Complete", status === "FAILED");
  if (!entered) return;
  try {
    await call("POST", "/tasks", { workflowInstanceId: run.workflowId, taskId: task.taskId, status, outputData: entered.output,
      reasonForIncompletion: entered.reason || undefined, workerId: "web page" });
  } catch (error) {
    notice(error.message, true);
  }
  await reload();
}
