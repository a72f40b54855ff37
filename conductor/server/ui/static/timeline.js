// The tasks of an execution as bars over time: pale while they wait in a queue, colored while they run.

import { h } from "./dom.js";
import { duration, kindOf } from "./format.js";

export function timeline(run, choose) {
  const tasks = run.tasks.filter((task) => task.scheduledTime);
  if (!tasks.length) return h("p", { class: "quiet" }, "No task has been scheduled.");
  const now = Date.now();
  const begin = Math.min(...tasks.map((task) => task.scheduledTime));
  const end = Math.max(begin + 1, ...tasks.map((task) => task.endTime || now));
  const share = (moment) => `${(Math.max(0, Math.min(end, moment) - begin) / (end - begin)) * 100}%`;
  const bar = (kind, from, to, title) => h("span", { class: `bar ${kind}`, title,
    style: { left: share(from), width: `calc(${share(to)} - ${share(from)})` } });
  return h("div", {},
    h("div", { class: "row spread quiet small" }, h("span", {}, new Date(begin).toLocaleTimeString()),
      h("span", {}, duration(end - begin)), h("span", {}, new Date(end).toLocaleTimeString())),
    h("div", { class: "timeline gap" }, tasks.map((task) => {
      const started = task.startTime || (task.endTime ? task.scheduledTime : 0);
      const until = task.endTime || now;
      const attempt = task.retryCount ? ` (attempt ${task.retryCount + 1})` : "";
      return [
        h("button", { class: "name", title: task.referenceTaskName, onclick: () => choose(task.taskId) }, task.referenceTaskName + attempt),
        h("span", { class: "track" },
          bar("queued", task.scheduledTime, started || until, "queued"),
          started ? bar(kindOf(task.status), started, until, `${task.status}, ${duration(until - started)}`) : null),
        h("span", { class: "right small quiet" }, started ? duration(until - started) : "queued")];
    })));
}
