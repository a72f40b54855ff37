// A customer that has the JavaScript SDK: registers, runs workers and workflows, and prints each story that held.
// CONDUCTOR_SERVER_URL names the server.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import {
  ConductorWorkflow,
  MetadataClient,
  TaskClient,
  TaskHandler,
  WorkflowExecutor,
  doWhileTask,
  inlineTask,
  jsonJqTask,
  newLoopTask,
  noopLogger,
  orkesConductorClient,
  setVariableTask,
  simpleTask,
  subWorkflowTask,
  switchTask,
} from "@io-orkes/conductor-javascript";

const client = await orkesConductorClient({ serverUrl: process.env.CONDUCTOR_SERVER_URL }, undefined, noopLogger);
const metadata = new MetadataClient(client);
const executor = new WorkflowExecutor(client);
const tasks = new TaskClient(client);

const failedOnce = new Set();
const workers = [
  {
    taskDefName: "peer_double",
    execute: async ({ inputData }) => ({ status: "COMPLETED", outputData: { doubled: 2 * inputData.number } }),
  },
  {
    taskDefName: "peer_flaky",
    execute: async ({ workflowInstanceId }) => {
      if (!failedOnce.has(workflowInstanceId)) {
        failedOnce.add(workflowInstanceId);
        throw new Error("the first attempt fails");
      }
      return { status: "COMPLETED", outputData: {} };
    },
  },
  {
    taskDefName: "peer_broken",
    execute: async () => {
      throw new Error("always");
    },
  },
].map((worker) => ({ ...worker, pollInterval: 20, concurrency: 2 }));

const twice = (reference, number) => simpleTask(reference, "peer_double", { number });

function flow(name, ...added) {
  return added.reduce((made, task) => made.add(task), new ConductorWorkflow(executor, name, 1).ownerEmail("peer@example.com"));
}

async function until(condition, timeout = 15_000) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `in time: ${condition}`);
    await sleep(20);
  }
}

function ended(workflowId) {
  return until(async () => {
    const run = await executor.getWorkflow(workflowId, true);
    return run.status !== "RUNNING" && run;
  });
}

const start = (name, input = {}) => executor.startWorkflow({ name, version: 1, input });

const stories = {
  async simple() {
    const run = await ended(await start("peer_simple", { number: 21 }));
    assert.equal(run.status, "COMPLETED");
    assert.deepEqual(run.output, { answer: 42 });
  },

  async branches() {
    const choice = switchTask(
      "choice",
      "${workflow.input.way}",
      { many: [newLoopTask("loop", 3, [twice("turn", "${loop.output.iteration}")])] },
      [setVariableTask("set", { way: "none" })],
    );
    const again = doWhileTask("again", "$.again.iteration < 2", [twice("once_more", 1)]);
    await flow("peer_branches")
      .fork([[twice("left", 1)], [twice("right", 2)]])
      .add(again)
      .add(choice)
      .outputParameters({ left: "${left.output.doubled}", right: "${right.output.doubled}" })
      .register(true);
    const run = await ended(await start("peer_branches", { way: "many" }));
    assert.equal(run.status, "COMPLETED", run.reasonForIncompletion);
    assert.deepEqual(run.output, { left: 2, right: 4 });
    const doubled = (prefix) =>
      run.tasks.filter((task) => task.referenceTaskName.startsWith(prefix)).map((task) => task.outputData.doubled);
    assert.deepEqual(doubled("turn__"), [2, 4, 6]);
    assert.deepEqual(doubled("once_more__"), [2, 2]);
    const other = await ended(await start("peer_branches", { way: "another" }));
    assert.deepEqual(other.variables, { way: "none" });
  },

  async computed() {
    const given = (task, inputParameters) => ({ ...task, inputParameters: { ...task.inputParameters, ...inputParameters } });
    await flow(
      "peer_computed",
      given(inlineTask("script", "(function () { return $.number + 1; })()"), { number: "${workflow.input.number}" }),
      given(jsonJqTask("jq", ".numbers | add"), { numbers: [1, "${script.output.result}"] }),
      given(subWorkflowTask("child", "peer_simple", 1), { number: "${jq.output.result}" }),
    )
      .outputParameters({ answer: "${child.output.answer}" })
      .register(true);
    const run = await ended(await start("peer_computed", { number: 3 }));
    assert.equal(run.status, "COMPLETED", run.reasonForIncompletion);
    assert.deepEqual(run.output, { answer: 10 });
  },

  async retried() {
    await flow("peer_retried", simpleTask("flaky", "peer_flaky", {})).register(true);
    const run = await ended(await start("peer_retried"));
    assert.equal(run.status, "COMPLETED");
    assert.deepEqual(run.tasks.map((task) => task.status), ["FAILED", "COMPLETED"]);
    assert.match(run.tasks[0].reasonForIncompletion, /the first attempt fails/);
  },

  async executed() {
    const request = { name: "peer_simple", version: 1, input: { number: 4 } };
    const run = await executor.executeWorkflow(request, "peer_simple", 1, "a request");
    assert.equal(run.status, "COMPLETED");
    assert.deepEqual(run.output, { answer: 8 });
  },

  async failed() {
    await flow("peer_failed", simpleTask("broken", "peer_broken", {})).register(true);
    const workflowId = await start("peer_failed");
    assert.equal((await ended(workflowId)).status, "FAILED");
    await executor.retry(workflowId, false);
    const run = await ended(workflowId);
    assert.deepEqual([run.status, run.tasks.length], ["FAILED", 2]);
  },

  async steered() {
    const wait = { name: "wait", taskReferenceName: "wait", type: "WAIT", inputParameters: {} };
    await flow("peer_steered", wait, twice("after", 5)).register(true);
    const workflowId = await start("peer_steered");
    await executor.pause(workflowId);
    assert.equal((await executor.getWorkflowStatus(workflowId, false, false)).status, "PAUSED");
    await executor.resume(workflowId);
    await executor.updateTaskByRefName("wait", workflowId, "COMPLETED", { by: "hand" });
    assert.equal((await ended(workflowId)).status, "COMPLETED");
    const stopped = await start("peer_steered");
    await executor.terminate(stopped, "enough");
    const run = await ended(stopped);
    assert.deepEqual([run.status, run.reasonForIncompletion], ["TERMINATED", "enough"]);
  },

  async found() {
    const query = "workflowType = peer_steered AND status = TERMINATED";
    const hits = await until(async () => {
      const { results } = await executor.search(0, 10, query, "*");
      return results.length > 0 && results;
    });
    assert.deepEqual(hits.map((hit) => hit.status), ["TERMINATED"]);
    const logged = await executor.getWorkflow(hits[0].workflowId, true);
    await tasks.addTaskLog(logged.tasks[0].taskId, "seen");
    assert.deepEqual((await tasks.getTaskLogs(logged.tasks[0].taskId)).map(({ log }) => log), ['"seen"']); // as JSON, as it is sent
  },
};

for (const { taskDefName } of workers) {
  const retryCount = taskDefName === "peer_flaky" ? 1 : 0;
  await metadata.registerTask({ name: taskDefName, retryCount, retryDelaySeconds: 0, timeoutSeconds: 0, ownerEmail: "peer@example.com" });
}
assert.equal((await metadata.getTask("peer_flaky")).retryCount, 1);
const simple = flow("peer_simple", twice("double", "${workflow.input.number}"));
await simple.outputParameters({ answer: "${double.output.doubled}" }).register(true);
assert.equal((await metadata.getWorkflowDef("peer_simple", 1)).tasks[0].name, "peer_double");
console.log("definitions");

const handler = new TaskHandler({ client, workers, scanForDecorated: false, logger: noopLogger });
await handler.startWorkers();
for (const [name, story] of Object.entries(stories)) {
  await story();
  console.log(name);
}
await handler.stopWorkers();
process.exit(0);
