// The banner that says that the server does not answer; it goes away when the server is back.

import { get, isLost, LOST } from "./api.js";
import { h } from "./dom.js";

const RETRY = 2000; // milliseconds between attempts

// Show the banner when a call fails because the server is away; call `back` when it answers again.
export function watchConnection(banner, back) {
  let isAway = false;
  addEventListener(LOST, async () => {
    if (isAway) return;
    isAway = true;
    const since = new Date().toLocaleTimeString();
    banner.replaceChildren(h("strong", {}, "The server does not answer"),
      ` since ${since}. What is shown may be out of date. Trying again every ${RETRY / 1000} seconds…`);
    banner.hidden = false;
    while (!(await isBack())) await new Promise((done) => setTimeout(done, RETRY));
    isAway = false;
    banner.hidden = true;
    back();
  });
}

async function isBack() {
  try {
    await get("/version");
    return true;
  } catch (error) {
    return !isLost(error);
  }
}
