// Keyboard focus that survives when a part of the page is drawn again.

const FOCUSABLE = "a[href], button, input, select, textarea, [tabindex]";

const focusable = (root) => [...root.querySelectorAll(FOCUSABLE)];

// What identifies an element after it was drawn again.
const keyOf = (one) => [one.tagName, one.getAttribute("name"), one.getAttribute("href"), one.dataset.taskId,
  one.getAttribute("aria-label") ?? one.textContent].join("\n");

// Remember which element below `root` has the focus; returns a function that focuses its successor, and says whether it did.
export function rememberFocus(root, active = document.activeElement) {
  if (!active || active === root || !root.contains(active)) return () => false;
  const all = focusable(root);
  const key = keyOf(active);
  const nth = all.filter((one) => keyOf(one) === key).indexOf(active);
  const at = all.indexOf(active);
  return () => {
    if (root.contains(document.activeElement) && document.activeElement !== root) return true;
    const now = focusable(root);
    const next = now.filter((one) => keyOf(one) === key)[nth] ?? now[Math.min(at, now.length - 1)];
    next?.focus({ preventScroll: true });
    return Boolean(next);
  };
}

const scrolled = (root) => [...root.querySelectorAll(".side, pre")];

// Replace the children of an element; the focus and what is scrolled stay where they are.
export function redraw(element, children) {
  const restore = rememberFocus(element);
  const tops = scrolled(element).map((one) => one.scrollTop);
  element.replaceChildren(...children);
  const now = scrolled(element);
  if (now.length === tops.length) now.forEach((one, at) => { one.scrollTop = tops[at]; });
  restore();
}

// Focus the heading below an element; screen readers then read from there.
export function focusHeading(root, options = { preventScroll: true }) {
  const heading = root.querySelector("h1, h2") ?? root;
  if (!heading.hasAttribute("tabindex")) heading.setAttribute("tabindex", "-1");
  heading.focus(options);
}
