// Operations on the executions that are selected in the list.

import { call, query } from "./api.js";
import { ask, h, notice } from "./dom.js";

const ACTIONS = [
  ["Pause", "PUT", "pause"], ["Resume", "PUT", "resume"], ["Retry", "POST", "retry"], ["Restart", "POST", "restart"],
  ["Terminate…", "POST", "terminate"], ["Delete…", "DELETE", "remove"],
];

// The bar; `chosen` has the ids, and `update` shows their number.
export function bulkBar(chosen, refresh) {
  const count = h("span", { "aria-live": "polite" });
  const element = h("div", { class: "row bulk", role: "group", "aria-label": "Selected executions" }, count,
    ACTIONS.map(([label, method, name]) => h("button", { class: label.endsWith("…") ? "danger" : undefined,
      onclick: () => act(label.replace("…", ""), method, name) }, label)),
    h("button", { class: "link", onclick: () => {
      chosen.clear();
      refresh();
    } }, "Select none"));

  async function act(label, method, name) {
    const parameters = await confirmed(label, name, chosen.size);
    if (!parameters) return;
    try {
      const done = await call(method, `/workflow/bulk/${name}${query(parameters)}`, [...chosen]);
      const failed = Object.entries(done?.bulkErrorResults ?? {});
      notice(`${label}: ${chosen.size - failed.length} of ${chosen.size} executions${failed.length ? `. ${failed[0][1]}` : ""}`, failed.length > 0);
      chosen.clear();
    } catch (error) {
      notice(error.message, true);
    }
    await refresh();
  }

  function update() {
    count.textContent = `${chosen.size} selected`;
    element.hidden = chosen.size === 0;
  }
  update();
  return { element, update };
}

async function confirmed(label, name, count) {
  if (name === "terminate") return ask(`Terminate ${count} executions?`, [{ name: "reason", label: "Reason" }], label, true);
  if (name === "remove") return (await ask(`Delete ${count} executions? They cannot be restored.`, [], label, true)) && { archiveWorkflow: false };
  return {};
}
