// A part of the page in which a large drawing is zoomed, moved and fitted.

import { h } from "./dom.js";

const STEP = 1.25;
const MIN = 0.05;
const MAX = 4;
const BAR = 18; // pixels for a scroll bar below the drawing
const READABLE = 0.62; // the smallest scale at which a drawing is first shown

// Show an SVG; `view` keeps scale and position while the same drawing is shown again.
export function viewport(svg, view = {}) {
  const width = Number(svg.getAttribute("width"));
  const height = Number(svg.getAttribute("height"));
  const label = h("span", { class: "quiet small scale", "aria-live": "polite" });
  const frame = h("div", { class: "viewport", tabindex: "0", role: "region", "aria-label": "Diagram; + and − zoom, 0 fits, arrows move",
    onkeydown: byKey, onwheel: byWheel, onpointerdown: drag, onscroll: () => { [view.left, view.top] = [frame.scrollLeft, frame.scrollTop]; } }, svg);
  const button = (text, title, action) => h("button", { title, "aria-label": title, onclick: action }, text);
  const element = h("div", {}, h("div", { class: "row tools" },
    button("−", "Zoom out", () => zoom(view.scale / STEP)), button("+", "Zoom in", () => zoom(view.scale * STEP)),
    button("Fit", "Fit the diagram into the frame", fit), button("1:1", "Original size", () => zoom(1)), label), frame);

  const fitting = () => Math.min((frame.clientWidth - 2) / width, (highest() - 2) / height, 1);

  function scaleTo(scale) {
    view.scale = Math.min(MAX, Math.max(MIN, scale));
    svg.style.setProperty("width", `${width * view.scale}px`);
    svg.style.setProperty("height", `${height * view.scale}px`);
    frame.style.setProperty("height", `${Math.min(highest(), Math.ceil(height * view.scale) + BAR)}px`);
    label.textContent = `${Math.round(view.scale * 100)} %`;
  }

  // The height that the frame may have, in pixels; a small drawing needs less.
  const highest = () => Math.max(160, Math.min(0.7 * innerHeight, 736));

  // Zoom so that the point at x and y of the frame stays where it is; by default its middle.
  function zoom(scale, x = frame.clientWidth / 2, y = frame.clientHeight / 2) {
    const [left, top] = [(frame.scrollLeft + x) / view.scale, (frame.scrollTop + y) / view.scale];
    scaleTo(scale);
    frame.scrollTo(left * view.scale - x, top * view.scale - y);
  }

  function fit() {
    scaleTo(fitting());
    frame.scrollTo(0, 0);
  }

  function byKey(event) {
    const action = { "+": () => zoom(view.scale * STEP), "=": () => zoom(view.scale * STEP), "-": () => zoom(view.scale / STEP), 0: fit }[event.key];
    if (!action || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    action();
  }

  function byWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the wheel alone scrolls
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    zoom(view.scale * (event.deltaY < 0 ? STEP : 1 / STEP), event.clientX - box.left, event.clientY - box.top);
  }

  function drag(event) {
    if (event.button !== 0 || event.pointerType === "touch") return; // touch scrolls by itself
    const [x, y, left, top] = [event.clientX, event.clientY, frame.scrollLeft, frame.scrollTop];
    const move = (moved) => {
      frame.classList.add("dragged");
      frame.scrollTo(left + x - moved.clientX, top + y - moved.clientY);
    };
    const end = () => {
      frame.classList.remove("dragged");
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
  }

  // The sizes are known once the element is on the page.
  function begin() {
    if (view.scale) {
      scaleTo(view.scale);
      frame.scrollTo(view.left ?? 0, view.top ?? 0);
      return;
    }
    const scale = fitting();
    scaleTo(scale >= READABLE ? scale : Math.max(READABLE, Math.min(1, (frame.clientWidth - 2) / width)));
    const first = svg.querySelector("g.bad, g.active, g.warn") ?? svg.querySelector("g");
    const box = first?.getBoundingClientRect();
    const outer = frame.getBoundingClientRect();
    if (box) frame.scrollTo(frame.scrollLeft + box.left - outer.left - (outer.width - box.width) / 2, frame.scrollTop + box.top - outer.top - outer.height / 3);
  }
  requestAnimationFrame(begin);
  return element;
}
