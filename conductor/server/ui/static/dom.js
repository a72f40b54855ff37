// All HTML elements are created here. Content is set as text, never as markup, so nothing needs escaping.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, to] of Object.entries(value)) element.style.setProperty(key, to);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

// A table. A heading is a string, or { label, content, sort } with an element and the sorting order.
export function table(headings, rows, empty = "None.") {
  if (!rows.length) return h("p", { class: "quiet" }, empty);
  const cells = (row) => row.map((cell, i) => h("td", { "data-label": headings[i].label ?? headings[i] }, h("span", {}, cell ?? "")));
  return h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, headings.map((heading) => h("th", { scope: "col", "aria-sort": heading.sort }, heading.content ?? heading)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, cells(row)))));
}

export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "");
  return h("dl", { class: "facts" }, known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function json(value) {
  return h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2));
}

// A value with a button that copies it.
export function copied(value) {
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    notice("Copied");
  };
  return h("span", { class: "mono" }, value, " ", h("button", { class: "link", title: "Copy", "aria-label": `Copy ${value}`, onclick: copy }, "copy"));
}

// Run an operation, and say what was done or why not; returns whether it was done.
export async function attempt(action, said) {
  try {
    await action();
    notice(said);
    return true;
  } catch (error) {
    notice(error.message, true);
    return false;
  }
}

export function notice(text, bad = false) {
  const element = h("div", { class: bad ? "notice bad" : "notice" }, text);
  document.getElementById("notices").append(element);
  setTimeout(() => element.remove(), bad ? 9000 : 4000);
}

// A dialog with fields; resolves to the values, or to null if the user cancels.
export function ask(title, fields, action, danger = false) {
  return new Promise((resolve) => {
    const inputs = Object.fromEntries(fields.map((field) => [field.name, control(field)]));
    const problem = h("p", { class: "reason", hidden: true });
    const form = h("form", { method: "dialog", onsubmit: submit }, h("h1", {}, title),
      fields.map((field) => h("label", {}, h("span", {}, field.label), inputs[field.name])), problem,
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: danger ? "danger" : "primary" }, action)));
    let result = null;
    function submit(event) {
      event.preventDefault();
      try {
        result = Object.fromEntries(fields.map((field) => [field.name, entered(field, inputs[field.name].value)]));
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
      }
    }
    const dialog = h("dialog", { onclose: () => { dialog.remove(); resolve(result); } }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}

function control(field) {
  if (field.options) return h("select", {}, field.options.map((option) => h("option", { value: option, selected: option === field.value }, option)));
  return h(field.json ? "textarea" : "input", { value: field.value ?? "", required: field.required, type: field.secret ? "password" : undefined, spellcheck: "false", class: field.json ? "mono" : undefined });
}

function entered(field, text) {
  if (!field.json) return text.trim();
  if (field.optional && !text.trim()) return undefined;
  try {
    return JSON.parse(text || "{}");
  } catch (error) {
    throw new Error(`${field.label} is not JSON: ${error.message}`);
  }
}
