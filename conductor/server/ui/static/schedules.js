// Schedules, their next runs, and the outcomes of past runs.

import { call, get, getOr, part, query } from "./api.js";
import { attempt, facts, h, json, notice, table } from "./dom.js";
import { redraw } from "./focus.js";
import { badge, link, serverNow, time } from "./format.js";

export async function schedules() {
  const element = h("div", {});
  const refresh = async () => {
    const all = await getOr("/scheduler/schedules", []);
    const next = await Promise.all(all.map(async (one) => one.nextRunTime || (one.paused ? null : (await nextTimes(one, 1))[0])));
    redraw(element, [h("h1", {}, "Schedules"), listed(all, next, refresh)]);
  };
  await refresh();
  return { element, refresh, every: 10000 };
}

function listed(all, next, refresh) {
  return table(["Name", "Workflow", "Cron", "Zone", "State", "Next run", "Actions"], all.map((one, at) => [
    link(["schedules", one.name], one.name), one.startWorkflowRequest?.name ?? "", h("span", { class: "mono" }, crons(one)),
    one.zoneId ?? "UTC", state(one), time(next[at]), h("span", { class: "row" }, runNow(one), toggle(one, refresh))]), "No schedules.");
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
      nextTimes(one, 5),
      getOr(`/scheduler/search/executions${query({ start: 0, size: 25, sort: "startTime:DESC", query: `scheduleName IN (${name})` })}`, { results: [] })]);
    redraw(element, [
      h("div", { class: "row spread" }, h("div", { class: "row" }, h("h1", {}, one.name), state(one)), h("span", { class: "row" }, runNow(one), toggle(one, refresh))),
      facts([["Cron", h("span", { class: "mono" }, crons(one))], ["Zone", one.zoneId], ["Next run", time(one.nextRunTime || (!one.paused && next[0]))], ["Catch up", one.runCatchupScheduleInstances ? "yes" : "no"],
        ["From", time(one.scheduleStartTime)], ["Until", time(one.scheduleEndTime)], ["Paused because", one.pausedReason]]),
      h("h2", {}, "Next times"),
      (next.length ? h("ul", {}, next.map((moment) => h("li", {}, time(moment)))) : h("p", { class: "quiet" }, "Never.")),
      h("h2", {}, "Runs"), runTable(runs.results ?? []), h("h2", {}, "What it starts"), json(one.startWorkflowRequest)]);
  };
  await refresh();
  return { element, refresh, every: 10000 };
}

// The next times of a schedule. The server reads expressions as UTC, so times of another zone are asked for as if they were
// UTC, and moved by the difference.
async function nextTimes(one, limit) {
  const zone = one.zoneId || "UTC";
  const expressions = [one.cronExpression, ...(one.cronSchedules ?? []).map((each) => each.cronExpression)].filter(Boolean);
  const now = serverNow();
  const begin = Math.max(now, one.scheduleStartTime || 0);
  const lists = await Promise.all(expressions.map((cronExpression) => getOr(
    `/scheduler/nextFewSchedules${query({ cronExpression, limit, scheduleStartTime: begin + ahead(zone, begin) })}`, [])));
  const end = one.scheduleEndTime || Infinity;
  return lists.flat().map((moment) => moment - ahead(zone, moment - ahead(zone, moment)))
    .filter((moment) => moment > now && moment <= end).sort((a, b) => a - b).slice(0, limit);
}

// The milliseconds by which a zone is ahead of UTC at a time; 0 if this browser does not know the zone.
function ahead(zone, moment) {
  try {
    const format = new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
    const { year, month, day, hour, minute, second } = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(moment / 1000) * 1000;
  } catch {
    return 0;
  }
}

function runTable(runs) {
  return table(["Planned", "Executed", "State", "Execution", "Reason"], runs.map((run) => [
    time(run.scheduledTime), time(run.executionTime), badge(run.state),
    run.workflowId ? link(["executions", run.workflowId], run.workflowId) : "", run.reason ?? ""]), "It has not run.");
}
