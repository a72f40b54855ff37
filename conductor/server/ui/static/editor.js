// A form in which JSON is edited and sent to the server; what the server refuses stays in the form.

import { h, notice } from "./dom.js";

// `actions` are { label, send, said }: send gets the value and returns a promise.
export function editor(value, actions, label = "JSON") {
  const text = h("textarea", { class: "mono tall", spellcheck: "false", "aria-label": label, value: JSON.stringify(value, null, 2) });
  const problem = h("p", { class: "reason", role: "alert", hidden: true });
  const run = async (action) => {
    try {
      const entered = JSON.parse(text.value);
      await action.send(entered);
      problem.hidden = true;
      notice(action.said);
    } catch (error) {
      problem.textContent = error instanceof SyntaxError ? `This is not JSON: ${error.message}` : error.message;
      problem.hidden = false;
    }
  };
  return h("div", {}, text, problem, h("div", { class: "row gap" },
    actions.map((action, at) => h("button", { class: at === 0 ? "primary" : undefined, onclick: () => run(action) }, action.label))));
}
