// Task queues, and the workers that poll them.

import { getOr } from "./api.js";
import { h, table } from "./dom.js";
import { redraw } from "./focus.js";
import { duration, serverNow, time } from "./format.js";
import { definitionOf, queued } from "./reasons.js";

const ALIVE = 30000;

export async function queues() {
  const element = h("div", {});
  const refresh = async () => {
    const [sizes, polls] = await Promise.all([getOr("/tasks/queue/all", {}), getOr("/tasks/queue/polldata/all", [])]);
    redraw(element, [h("h1", {}, "Queues and workers"),
      h("h2", {}, "Waiting tasks"), sizeTable(sizes, polls), h("h2", {}, "Workers"), workerTable(polls)]);
  };
  await refresh();
  return { element, refresh };
}

const isInternal = (name) => name.startsWith("_") || name.startsWith("conductor_system");

function sizeTable(sizes, polls) {
  const polled = new Set(polls.filter((poll) => serverNow() - poll.lastPollTime < ALIVE).map((poll) => poll.queueName));
  explained = 0;
  const known = Object.keys(sizes).filter((name) => !isInternal(name));
  const names = known.filter((name) => sizes[name] > 0).sort((a, b) => sizes[b] - sizes[a] || a.localeCompare(b));
  const empty = known.length - names.length;
  return h("div", {}, table(["Queue", "Waiting", "Workers", "Why"], names.map((name) => [name, String(sizes[name]),
    !polled.has(name) ? h("span", { class: "status wait" }, "no recent poll") : "", why(name)]), "Nothing waits."),
    empty > 0 && h("p", { class: "quiet small" }, `${empty} ${empty === 1 ? "queue is" : "queues are"} empty.`));
}

const MAX_EXPLAINED = 20; // queues whose reasons are read

let explained = 0;

// The reasons why the tasks of a queue wait; a queue is named TYPE or DOMAIN:TYPE.
function why(queue) {
  const [type, domain] = queue.split(":").reverse();
  const element = h("ul", { class: "reasons" });
  if (explained++ < MAX_EXPLAINED) {
    definitionOf(type).then((definition) => queued(type, domain, definition))
      .then((found) => element.replaceChildren(...found.map((one) => h("li", {}, one))));
  }
  return element;
}

function workerTable(polls) {
  const newest = [...polls].sort((a, b) => b.lastPollTime - a.lastPollTime);
  return table(["Task type", "Domain", "Worker", "Last poll", "State"], newest.map((poll) => {
    const age = Math.max(0, serverNow() - poll.lastPollTime);
    return [poll.queueName, poll.domain ?? "", poll.workerId ?? "", time(poll.lastPollTime),
      h("span", { class: age < ALIVE ? "status good" : "status" }, age < ALIVE ? "polling" : `${duration(age)} ago`)];
  }), "No worker has polled.");
}
