// The diagram of a definition or an execution: the server draws it as SVG, and the boxes of tasks become buttons.

import { drawn } from "./api.js";
import { h } from "./dom.js";
import { viewport } from "./viewport.js";

const TASK_FIELDS = ["taskId", "taskType", "status", "referenceTaskName", "retryCount", "seq", "iteration", "scheduledTime", "startTime", "endTime",
  "taskDefName", "reasonForIncompletion", "subWorkflowId"];

// The parts of an execution that its diagram shows; inputs and outputs can be large.
function reduced(run) {
  const { workflowId, workflowName, workflowVersion, status, createTime, startTime, endTime, reasonForIncompletion, workflowDefinition } = run;
  const tasks = run.tasks.map((task) => ({
    ...Object.fromEntries(TASK_FIELDS.filter((name) => task[name] !== undefined).map((name) => [name, task[name]])),
    inputData: { forkedTasks: task.inputData?.forkedTasks, case: task.inputData?.case },
    outputData: { selectedCase: task.outputData?.selectedCase } }));
  return { workflowId, workflowName, workflowVersion, status, createTime, startTime, endTime, reasonForIncompletion, workflowDefinition, tasks };
}

export async function diagram(workflow) {
  let root;
  try {
    root = await drawn(workflow.workflowId ? reduced(workflow) : workflow);
  } catch (error) {
    return h("p", { class: "quiet" }, error.message);
  }
  root.classList.add("diagram");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Diagram of the workflow");
  return root;
}

// Put a diagram into a frame in which it can be zoomed; other content stays unchanged.
export const framed = (drawing, view) => (drawing instanceof SVGElement ? viewport(drawing, view) : drawing);

// Make the boxes of executed tasks open their tasks.
export function withTasks(root, chosen, choose) {
  for (const box of root.querySelectorAll("[data-task-id]")) {
    const id = box.dataset.taskId;
    const open = () => choose(id);
    box.classList.toggle("chosen", id === chosen);
    box.setAttribute("tabindex", "0");
    box.setAttribute("role", "button");
    box.setAttribute("aria-label", box.querySelector("title").textContent.replaceAll("\n", ", "));
    box.onclick = open;
    box.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open();
      }
    };
  }
  return root;
}
