// Human tasks (Orkes edition): the list of tasks, and one task with its form.

import { call, get, getOr, part, query } from "./api.js";
import { ask, facts, h, json, notice, table } from "./dom.js";
import { redraw } from "./focus.js";
import { badge, link, time } from "./format.js";
import { formOf } from "./form.js";

const SIZE = 25;
const STATES = { "": "open", COMPLETED: "completed", TIMED_OUT: "timed out", DELETED: "deleted", any: "any" };
const OPEN = ["PENDING", "ASSIGNED", "IN_PROGRESS"];
const isOpen = (task) => OPEN.includes(task.state);

export async function inbox(search) {
  const results = h("div", {});
  const refresh = async () => redraw(results, await page(search));
  await refresh();
  return { element: h("div", {}, h("h1", {}, "Inbox"), filters(search), results), refresh, every: 4000 };
}

function filters(search) {
  const select = (label, name, options) => h("label", {}, h("span", {}, label), h("select", { name },
    Object.entries(options).map(([value, text]) => h("option", { value, selected: (search.get(name) ?? "") === value }, text))));
  const apply = (event) => {
    event.preventDefault();
    location.hash = `#/inbox${query(Object.fromEntries(new FormData(form)))}`;
  };
  const form = h("form", { class: "filters", onsubmit: apply, onchange: apply },
    select("State", "state", STATES), select("Tasks", "of", { "": "all", INBOX: "mine" }),
    h("label", {}, h("span", {}, "Free text"), h("input", { name: "text", value: search.get("text") ?? "", spellcheck: "false" })),
    h("button", {}, "Search"));
  return form;
}

async function page(search) {
  const start = Number(search.get("start") ?? 0);
  const state = search.get("state") ?? "";
  const states = state === "any" ? [] : state ? [state] : OPEN;
  const found = await tasks(search.get("of") === "INBOX", { states, fullTextQuery: search.get("text") ?? "", start, size: SIZE });
  const rows = found.results.map((task) => [
    link(["inbox", task.taskId], task.displayName), badge(task.state), named(task.assignee), named(task.claimant),
    link(["executions", task.workflowId], task.workflowName), time(task.createdOn)]);
  const turn = (by) => h("a", { class: "button", href: `#/inbox${query({ ...Object.fromEntries(search), start: Math.max(0, start + by) || "" })}` }, by < 0 ? "Newer" : "Older");
  return [
    table(["Task", "State", "Assigned to", "Claimed by", "Workflow", "Created"], rows, "No task waits for you."),
    h("div", { class: "row spread gap" },
      h("span", { class: "quiet small" }, rows.length ? `${start + 1}–${start + rows.length} of ${found.totalHits}` : ""),
      h("span", { class: "row" }, start > 0 && turn(-SIZE), start + rows.length < found.totalHits && turn(SIZE)))];
}

// Only administrators may search all tasks; others see their own.
async function tasks(isMine, conditions) {
  const search = (searchType) => call("POST", "/human/tasks/search", { searchType, ...conditions });
  if (isMine) return search("INBOX");
  try {
    return await search("ADMIN");
  } catch (error) {
    if (error.status !== 403) throw error;
    return search("INBOX");
  }
}

const named = (user) => (user ? `${user.user} (${user.userType.toLowerCase().replace("_", " ")})` : "");

export async function humanTask(taskId) {
  const element = h("div", {});
  const reload = async () => {
    const [task, me] = await Promise.all([
      get(`/human/tasks/${part(taskId)}?withTemplate=true`), getOr("/token/userInfo", {})]);
    redraw(element, shown(task, me, reload));
  };
  await reload();
  return { element };
}

function shown(task, me, reload) {
  return [
    h("div", { class: "row spread" }, h("div", { class: "row" }, h("h1", {}, task.displayName), badge(task.state)),
      h("div", { class: "row" }, isOpen(task) && actions(task, me, reload))),
    facts([
      ["Assigned to", task.assignee ? named(task.assignee) : "everyone"], ["Claimed by", named(task.claimant)],
      ["Workflow", link(["executions", task.workflowId], task.workflowName)], ["Reference name", task.taskRefName],
      ["Created", time(task.createdOn)], ["Changed", time(task.updatedOn)],
      ["Form", task.humanTaskDef?.userFormTemplate?.name], ["Task id", h("span", { class: "mono" }, task.taskId)]]),
    h("div", { class: "panel" }, isOpen(task) ? editor(task, reload) : [h("h2", {}, "Output"), json(task.output)]),
    h("h2", {}, "What happened"), history(task),
    h("details", {}, h("summary", {}, "Input"), json(task.input)),
  ];
}

function history(task) {
  const logs = task.input?.__humanTaskProcessContext?.humanTaskActionLogs ?? [];
  return table(["Time", "Action", "By", "Assigned to", "Claimed by"], logs.map((one) => [
    time(one.stateStart), one.reason ? `${one.action}: ${one.reason}` : one.action, one.actedBy, named(one.assignee), named(one.claimant)]));
}

function actions(task, me, reload) {
  const path = `/human/tasks/${part(task.taskId)}`;
  const button = (label, run) => h("button", { onclick: () => attempt(run, reload) }, label);
  if (task.claimant) return [button("Release", () => call("POST", `${path}/release`)), task.assignee && skip()];
  const isMine = !task.assignee || isFor(task.assignee, me);
  return [
    button(isMine ? "Claim" : `Claim instead of ${task.assignee.user}`, () => call("POST", `${path}/claim${query({ overrideAssignment: !isMine })}`)),
    h("button", { onclick: claimFor }, "Claim for…"), task.assignee && skip()];

  function skip() {
    return h("button", { onclick: async () => {
      const entered = await ask("Skip this assignment", [{ name: "reason", label: "Reason" }], "Skip");
      if (entered) await attempt(() => call("POST", `${path}/skip${query(entered)}`), reload);
    } }, "Skip…");
  }

  async function claimFor() {
    const user = task.assignee?.userType === "EXTERNAL_USER" ? task.assignee.user : "";
    const entered = await ask("Claim for a user of your application", [{ name: "user", label: "User", value: user, required: true }], "Claim");
    if (entered) await attempt(() => call("POST", `${path}/externalUser/${part(entered.user)}`), reload);
  }
}

const isFor = (user, me) => (user.userType === "CONDUCTOR_USER" && user.user.toLowerCase() === String(me.id).toLowerCase())
  || (user.userType === "CONDUCTOR_GROUP" && (me.groups ?? []).some((group) => group.id === user.user));

async function attempt(run, reload) {
  try {
    await run();
  } catch (error) {
    notice(error.message, true);
  }
  await reload();
}

// The form, with its buttons; what is entered stays when the server refuses it.
function editor(task, reload) {
  const form = formOf(task);
  const problem = h("p", { class: "reason", role: "alert", hidden: true });
  const send = async (complete) => {
    problem.hidden = true;
    try {
      await call("POST", `/human/tasks/${part(task.taskId)}/update${query({ complete })}`, form.values());
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      return;
    }
    await reload();
    notice(complete ? "Completed." : "Saved.");
  };
  const complete = (event) => {
    event.preventDefault();
    send(true);
  };
  return h("form", { onsubmit: complete, "aria-label": task.displayName }, form.elements, problem,
    h("div", { class: "row gap" }, h("button", { class: "primary" }, "Complete"),
      h("button", { type: "button", onclick: () => send(false) }, "Save draft")));
}
