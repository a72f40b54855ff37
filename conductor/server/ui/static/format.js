import { h } from "./dom.js";

const KINDS = {
  COMPLETED: "good", COMPLETED_WITH_ERRORS: "wait", SKIPPED: "off",
  RUNNING: "busy", IN_PROGRESS: "busy", SCHEDULED: "wait", PAUSED: "wait",
  FAILED: "bad", FAILED_WITH_TERMINAL_ERROR: "bad", TIMED_OUT: "bad", TERMINATED: "bad", CANCELED: "off",
  EXECUTED: "good", POLLED: "busy", PENDING: "wait", ASSIGNED: "wait", DELETED: "off",
};

let ahead = 0;

// The server's time in epoch milliseconds; the clock of the embedded server can be ahead of that of the browser.
export const serverNow = () => Date.now() + ahead;

export const setAhead = (milliseconds) => { ahead = milliseconds; };

export const kindOf = (status) => KINDS[status] ?? "off";

export const isOver = (status) => !["RUNNING", "PAUSED", "SCHEDULED", "IN_PROGRESS"].includes(status);

export const badge = (status) => h("span", { class: `status ${kindOf(status)}` }, status ?? "unknown");

export function time(value) {
  const moment = value ? new Date(value) : null;
  if (!moment || Number.isNaN(moment.getTime()) || moment.getTime() === 0) return "";
  return h("time", { datetime: moment.toISOString(), title: moment.toISOString() }, moment.toLocaleString());
}

export function duration(milliseconds) {
  if (milliseconds === undefined || milliseconds === null || milliseconds < 0) return "";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const link = (to, text) => h("a", { href: `#/${to.map(encodeURIComponent).join("/")}` }, text);
