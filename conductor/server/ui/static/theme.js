// The theme: that of the system, light or dark; the choice is kept in this browser.

import { h } from "./dom.js";

const KEY = "conductor-theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

const chosen = () => (localStorage.getItem(KEY) in NEXT ? localStorage.getItem(KEY) : "auto");

function apply(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

// A button that goes from one theme to the next.
export function themeButton() {
  const button = h("button", { class: "plain", onclick: () => {
    localStorage.setItem(KEY, NEXT[chosen()]);
    show();
  } });
  function show() {
    apply(chosen());
    button.textContent = SIGNS[chosen()];
    button.title = `Theme: ${chosen()}`;
    button.setAttribute("aria-label", `Theme: ${chosen()}`);
  }
  show();
  return button;
}
