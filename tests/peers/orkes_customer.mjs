// A customer of the Orkes edition that has the JavaScript SDK; prints each story that held.
// CONDUCTOR_SERVER_URL names the server, CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET the key of its administrator.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import {
  ApplicationClient,
  ConductorWorkflow,
  HumanExecutor,
  MetadataClient,
  SchemaClient,
  SecretClient,
  ServiceRegistryClient,
  TemplateClient,
  WorkflowExecutor,
  humanTask,
  noopLogger,
  orkesConductorClient,
  simpleTask,
  waitForWebhookTask,
} from "@io-orkes/conductor-javascript";

const { CONDUCTOR_SERVER_URL: serverUrl, CONDUCTOR_AUTH_KEY: adminKey, CONDUCTOR_AUTH_SECRET: adminSecret } = process.env;
for (const name of ["CONDUCTOR_AUTH_KEY", "CONDUCTOR_AUTH_SECRET"]) delete process.env[name]; // they would win over other keys
const connect = (keyId, keySecret) => orkesConductorClient({ serverUrl, keyId, keySecret }, undefined, noopLogger);
const client = await connect(adminKey, adminSecret);
const executor = new WorkflowExecutor(client);

const flow = (name, ...tasks) => tasks.reduce((made, task) => made.add(task), new ConductorWorkflow(executor, name, 1).ownerEmail("peer@example.com"));
const start = (name, input = {}) => executor.startWorkflow({ name, version: 1, input });

const stories = {
  async human_task() {
    const templates = new TemplateClient(client);
    const humans = new HumanExecutor(client);
    const form = {
      name: "peer_form",
      jsonSchema: { properties: { approved: { type: "boolean" } }, required: ["approved"] },
      templateUI: { type: "VerticalLayout", elements: [{ type: "Control", scope: "#/properties/approved" }] },
    };
    assert.equal((await templates.registerTemplate(form)).version, 1);
    assert.equal((await templates.registerTemplate(form, true)).version, 2);
    assert.deepEqual((await humans.getTemplateByNameVersion("peer_form", 2)).templateUI, form.templateUI);
    const assignee = { userType: "EXTERNAL_GROUP", user: "managers" };
    await flow("peer_human", humanTask("ask", { displayName: "Approve", formTemplate: "peer_form", formVersion: 2, assignee }))
      .outputParameters({ approved: "${ask.output.approved}" }).register(true);
    const workflowId = await start("peer_human");
    const [found] = await humans.pollSearch({ states: ["ASSIGNED"], workflowNames: ["peer_human"] });
    assert.equal(found.displayName, "Approve");
    const claimed = await humans.claimTaskAsExternalUser(found.taskId, "zoe", { withTemplate: true });
    assert.deepEqual(claimed.claimant, { userType: "EXTERNAL_USER", user: "zoe" });
    assert.equal(claimed.humanTaskDef.fullTemplate.version, 2);
    await humans.releaseTask(found.taskId);
    await humans.claimTaskAsConductorUser(found.taskId, { overrideAssignment: true });
    await humans.updateTaskOutput(found.taskId, { note: "fine" });
    assert.deepEqual((await humans.getTaskById(found.taskId)).output, { note: "fine" });
    await assert.rejects(humans.completeTask(found.taskId, { approved: "perhaps" }));
    await humans.completeTask(found.taskId, { approved: true });
    const run = await executor.getWorkflow(workflowId, true);
    assert.deepEqual([run.status, run.output], ["COMPLETED", { approved: true }]);
    assert.equal((await humans.getTasksByFilter("COMPLETED")).length, 1);
  },

  async webhook() {
    const matches = { "$['type']": "paid", "$['order']": "${workflow.input.order}" };
    await flow("peer_webhook", waitForWebhookTask("paid", { matches })).outputParameters({ amount: "${paid.output.amount}" }).register(true);
    const workflowId = await start("peer_webhook", { order: "A-1" });
    const config = {
      name: "peer", verifier: "SIGNATURE_BASED", headerKey: "X-Hub-Signature-256", secretValue: "shared secret",
      receiverWorkflowNamesToVersions: { peer_webhook: 1 },
    };
    const headers = { "Content-Type": "application/json", "X-Authorization": await token() };
    const created = await fetch(`${serverUrl}/metadata/webhook`, { method: "POST", headers, body: JSON.stringify(config) }); // the SDK has no client for webhooks
    const { id } = await created.json();
    const body = JSON.stringify({ type: "paid", order: "A-1", amount: 9 });
    const signature = `sha256=${createHmac("sha256", config.secretValue).update(body).digest("hex")}`;
    const deliver = (sent) => fetch(`${serverUrl.replace(/\/api$/, "")}/webhook/${id}`, { method: "POST", headers: { "X-Hub-Signature-256": sent }, body });
    assert.equal((await deliver("sha256=00")).status, 401);
    assert.equal((await deliver(signature)).status, 200);
    const run = await executor.getWorkflow(workflowId, true);
    assert.deepEqual([run.status, run.output], ["COMPLETED", { amount: 9 }]);
  },

  async secret() {
    const secrets = new SecretClient(client);
    await secrets.putSecret("peer_secret", "a value");
    assert.equal(await secrets.getSecret("peer_secret"), "a value");
    assert.ok((await secrets.listAllSecretNames()).includes("peer_secret"));
    await secrets.deleteSecret("peer_secret");
    assert.ok(!(await secrets.listAllSecretNames()).includes("peer_secret"));
  },

  async permission() {
    const applications = new ApplicationClient(client);
    const { id } = await applications.createApplication("peer");
    const key = await applications.createAccessKey(id);
    const other = await connect(key.id, key.secret);
    await flow("peer_guarded", simpleTask("work", "peer_work", {})).register(true);
    await assert.rejects(new WorkflowExecutor(other).startWorkflow({ name: "peer_guarded", version: 1 }));
    await applications.addApplicationRole(id, "ADMIN");
    await new MetadataClient(other).registerTask({ name: "peer_work", ownerEmail: "peer@example.com" });
    assert.ok(await new WorkflowExecutor(other).startWorkflow({ name: "peer_guarded", version: 1 }));
  },

  async service_registry() {
    const registry = new ServiceRegistryClient(client);
    const service = { name: "peer_service", type: "HTTP", serviceURI: "http://localhost:1", config: { circuitBreakerConfig: { failureRateThreshold: 50 } } };
    await registry.addOrUpdateService(service);
    await registry.addOrUpdateServiceMethod("peer_service", { operationName: "list", methodName: "/items", methodType: "GET" });
    const known = await registry.getService("peer_service");
    assert.deepEqual([known.serviceURI, known.methods[0].operationName], [service.serviceURI, "list"]);
    await registry.removeService("peer_service");
    assert.equal(await registry.getService("peer_service"), undefined);
  },

  async schema() {
    const schemas = new SchemaClient(client);
    const data = { type: "object", properties: { amount: { type: "number" } }, required: ["amount"] };
    await schemas.registerSchema([{ name: "peer_schema", version: 1, type: "JSON", data }]);
    assert.deepEqual((await schemas.getSchema("peer_schema", 1)).data, data);
    assert.ok((await schemas.getAllSchemas()).some(({ name }) => name === "peer_schema"));
    const checked = flow("peer_checked", simpleTask("work", "peer_work", {}));
    await new MetadataClient(client).registerWorkflowDef({ ...checked.toWorkflowDef(), inputSchema: { name: "peer_schema", version: 1, type: "JSON" }, enforceSchema: true }, true);
    await assert.rejects(start("peer_checked", { amount: "much" }));
    assert.ok(await start("peer_checked", { amount: 1 }));
    await schemas.deleteSchemaByName("peer_schema");
  },

  async signal() {
    const wait = { name: "wait", taskReferenceName: "wait", type: "WAIT", inputParameters: {} };
    await flow("peer_signaled", wait, { ...wait, name: "again", taskReferenceName: "again" }).register(true);
    const workflowId = await start("peer_signaled");
    const blocked = await executor.signal(workflowId, "COMPLETED", { step: 1 }, "BLOCKING_TASK");
    assert.equal(blocked.referenceTaskName, "again");
    const ended = await executor.signal(workflowId, "COMPLETED", { step: 2 }, "TARGET_WORKFLOW");
    assert.ok(ended.isTargetWorkflow());
    assert.deepEqual([ended.status, ended.output], ["COMPLETED", { taskOutput: { step: 2 } }]); // as this SDK sends it
  },
};

async function token() {
  const body = JSON.stringify({ keyId: adminKey, keySecret: adminSecret });
  const response = await fetch(`${serverUrl}/token`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  return (await response.json()).token;
}

for (const [name, story] of Object.entries(stories)) {
  await story();
  console.log(name);
}
process.exit(0);
