// The dialog that runs an execution again from one of its tasks, with the same or another input.

import { call, part } from "./api.js";
import { ask, attempt } from "./dom.js";

export async function rerunDialog(run, task, reload) {
  const entered = await ask(`Run again from ${task.referenceTaskName}`, [
    { name: "taskInput", label: "Input of the task", value: JSON.stringify(task.inputData ?? {}, null, 2), json: true },
    { name: "workflowInput", label: "Input of the workflow (empty: as before)", json: true, optional: true },
  ], "Run");
  if (!entered) return;
  const body = { reRunFromWorkflowId: run.workflowId, reRunFromTaskId: task.taskId, taskInput: entered.taskInput };
  if (entered.workflowInput) body.workflowInput = entered.workflowInput;
  await attempt(() => call("POST", `/workflow/${part(run.workflowId)}/rerun`, body), `Runs again from ${task.referenceTaskName}`);
  await reload();
}
