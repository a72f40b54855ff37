// The tasks of an execution as bars over time: pale while they wait in a queue, colored while they run.

import { h } from "./dom.js";
import { duration, kindOf, serverNow } from "./format.js";
import { deadlines, workflowDeadline } from "./reasons.js";

const MAX_STRETCH = 3; // a deadline further away than this many times what has passed is named, and not drawn

export function timeline(run, choose, definitions = new Map()) {
  const tasks = run.tasks.filter((task) => task.scheduledTime);
  if (!tasks.length) return h("p", { class: "quiet" }, "No task has been scheduled.");
  const now = serverNow();
  const begin = Math.min(...tasks.map((task) => task.scheduledTime));
  const past = Math.max(begin + 1, ...tasks.map((task) => task.endTime || now));
  const due = (task) => deadlines(task, definitions.get(task.taskDefName || task.taskType))[0];
  const last = workflowDeadline(run);
  const near = [...tasks.map(due), last].filter((one) => one && one.at - begin < (past - begin) * MAX_STRETCH).map((one) => one.at);
  const end = Math.max(past, ...near);
  const share = (moment) => `${(Math.max(0, Math.min(end, moment) - begin) / (end - begin)) * 100}%`;
  const bar = (kind, from, to, title) => h("span", { class: `bar ${kind}`, title,
    style: { left: share(from), width: `calc(${share(to)} - ${share(from)})` } });
  const named = (one) => (one.at > now ? `${one.name} in ${duration(one.at - now)}` : `${one.name} passed`);
  const mark = (one) => one && one.at <= end && h("span", { class: "deadline", style: { left: share(one.at) } });
  const below = (one) => one && h("span", { class: "later small quiet", title: new Date(one.at).toLocaleString() }, named(one));
  return h("div", {},
    last && h("p", { class: "quiet small" }, `${last.name}: ${new Date(last.at).toLocaleString()}`),
    h("div", { class: "row spread quiet small" }, h("span", {}, new Date(begin).toLocaleTimeString()),
      h("span", {}, duration(end - begin)), h("span", {}, new Date(end).toLocaleTimeString())),
    h("div", { class: "timeline gap" }, tasks.map((task) => {
      const started = task.startTime || (task.endTime ? task.scheduledTime : 0);
      const until = task.endTime || now;
      const label = task.referenceTaskName + (task.retryCount ? ` (attempt ${task.retryCount + 1})` : "");
      const next = due(task);
      return [
        h("button", { class: "name", title: label, "aria-label": `${label}, ${task.status}`, onclick: () => choose(task.taskId) }, label),
        h("span", { class: "track", "aria-hidden": "true" },
          bar("queued", task.scheduledTime, started || until, "queued"),
          started ? bar(kindOf(task.status), started, until, `${task.status}, ${duration(until - started)}`) : null, mark(next)),
        h("span", { class: "right small quiet" }, started ? duration(until - started) : "queued"), below(next)];
    })));
}
