// The clock of the embedded server, which can be moved forward; other servers have none.

import { ask, h, notice } from "./dom.js";
import { duration, setAhead } from "./format.js";
import { tokenHeader } from "./api.js";

const UNITS = { s: 1, m: 60, h: 3600, d: 86400 };

async function request(body) {
  const options = { headers: { "Content-Type": "application/json", ...tokenHeader() } };
  const response = await fetch("page/clock", body ? { method: "POST", body: JSON.stringify(body), ...options } : options);
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.message ?? `The server answered ${response.status}.`);
  return answer;
}

// Show the clock in the element if the server has one; call `moved` after it was moved.
export async function showClock(element, moved) {
  let clock;
  try {
    clock = await request();
  } catch {
    return; // this server has no clock that can be moved
  }
  const button = h("button", { class: "plain small", title: "Move the server's clock forward", onclick: move });
  const label = () => {
    setAhead(clock.offsetMs);
    button.textContent = clock.offsetMs > 500 ? `clock +${duration(clock.offsetMs)}` : "clock";
  };
  async function move() {
    const entered = await ask("Move the server's clock forward", [{ name: "by", label: "By (90s, 15m, 2h or 3d), or “next” for the next timer", value: "next", required: true }], "Move");
    if (!entered) return;
    try {
      clock = await request(entered.by === "next" ? { next: true } : { seconds: seconds(entered.by) });
      label();
      notice(`The server's time is ${new Date(clock.now).toLocaleString()}`);
    } catch (error) {
      notice(error.message, true);
    }
    moved();
  }
  label();
  element.replaceChildren(button);
}

function seconds(text) {
  const found = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/.exec(text);
  if (!found) throw new Error(`Invalid duration: ${text} (use 90s, 15m, 2h or 3d)`);
  return Number(found[1]) * UNITS[found[2] || "s"];
}
