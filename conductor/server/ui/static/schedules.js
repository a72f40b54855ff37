// Schedules, their next runs, and the outcomes of past runs.

import { call, get, getOr, part, query } from "./api.js";
import { attempt, facts, h, json, notice, table } from "./dom.js";
import { badge, link, serverNow, time } from "./format.js";

export async function schedules() {
  const element = h("div", {});
  const refresh = async () => element.replaceChildren(h("h1", {}, "Schedules"), listed(await getOr("/scheduler/schedules", []), refresh));
  await refresh();
  return { element, refresh, every: 10000 };
}

function listed(all, refresh) {
  return table(["Name", "Workflow", "Cron", "Zone", "State", "Next run", "Actions"], all.map((one) => [
    link(["schedules", one.name], one.name), one.startWorkflowRequest?.name ?? "", h("span", { class: "mono" }, crons(one)),
    one.zoneId ?? "UTC", state(one), time(one.nextRunTime), h("span", { class: "row" }, runNow(one), toggle(one, refresh))]), "No schedules.");
}

const crons = (one) => [one.cronExpression, ...(one.cronSchedules ?? []).map((each) => each.cronExpression)].filter(Boolean).join(" | ");

const state = (one) => h("span", { class: one.paused ? "status wait" : "status good" }, one.paused ? "paused" : "active");

function toggle(one, refresh) {
  const verb = one.paused ? "resume" : "pause";
  return h("button", { onclick: async () => {
    try {
      await call("PUT", `/scheduler/schedules/${part(one.name)}/${verb}`);
    } catch (error) {
      notice(error.message, true);
    }
    await refresh();
  } }, one.paused ? "Resume" : "Pause");
}

// Start the workflow of a schedule as the schedule would, with the present as its time.
function runNow(one) {
  return h("button", { onclick: () => attempt(async () => {
    const now = serverNow();
    const input = { _scheduledTime: now, _executedTime: now, ...(one.startWorkflowRequest?.input ?? {}) };
    location.hash = `#/executions/${part(await call("POST", "/workflow", { ...one.startWorkflowRequest, input }))}`;
  }, `Started by hand: ${one.name}`) }, "Run now");
}

export async function schedule(name) {
  const element = h("div", {});
  const refresh = async () => {
    const one = await get(`/scheduler/schedules/${part(name)}`);
    const [next, runs] = await Promise.all([
      one.cronExpression && inUtc(one) ? getOr(`/scheduler/nextFewSchedules${query({ cronExpression: one.cronExpression, limit: 5 })}`, []) : [],
      getOr(`/scheduler/search/executions${query({ start: 0, size: 25, sort: "startTime:DESC", query: `scheduleName IN (${name})` })}`, { results: [] })]);
    element.replaceChildren(...[
      h("div", { class: "row spread" }, h("div", { class: "row" }, h("h1", {}, one.name), state(one)), h("span", { class: "row" }, runNow(one), toggle(one, refresh))),
      facts([["Cron", h("span", { class: "mono" }, crons(one))], ["Zone", one.zoneId], ["Next run", time(one.nextRunTime)], ["Catch up", one.runCatchupScheduleInstances ? "yes" : "no"],
        ["From", time(one.scheduleStartTime)], ["Until", time(one.scheduleEndTime)], ["Paused because", one.pausedReason]]),
      inUtc(one) && h("h2", {}, "Next times"),
      inUtc(one) && (next.length ? h("ul", {}, next.map((moment) => h("li", {}, time(moment)))) : h("p", { class: "quiet" }, "Never.")),
      h("h2", {}, "Runs"), runTable(runs.results ?? []), h("h2", {}, "What it starts"), json(one.startWorkflowRequest)].filter(Boolean));
  };
  await refresh();
  return { element, refresh, every: 10000 };
}

// The server returns the next times of an expression in UTC only.
const inUtc = (one) => ["UTC", "Z", "Etc/UTC", undefined, null, ""].includes(one.zoneId);

function runTable(runs) {
  return table(["Planned", "Executed", "State", "Execution", "Reason"], runs.map((run) => [
    time(run.scheduledTime), time(run.executionTime), badge(run.state),
    run.workflowId ? link(["executions", run.workflowId], run.workflowId) : "", run.reason ?? ""]), "It has not run.");
}
