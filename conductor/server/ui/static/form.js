// The form of a human task: the controls of its template's layout, or one for each field.

import { h } from "./dom.js";

const INPUT_TYPES = { date: "date", time: "time", "date-time": "datetime-local", email: "email", uri: "url" };

// Returns { elements, values }: the controls, and a function that returns what is entered, without empty fields.
export function formOf(task) {
  const template = task.humanTaskDef?.fullTemplate;
  const schema = template?.jsonSchema ?? schemaOf(task.input ?? {});
  const controls = [];
  const add = (path, options) => {
    const control = controlOf(task, schema, path, options);
    controls.push(control);
    return control.element;
  };
  const names = Object.keys(schema.properties ?? {});
  let elements = template ? [layout(template.templateUI, add)].flat().filter(Boolean) : [];
  if (!controls.length) elements = names.map((name) => add([name], {}));
  if (!controls.length) elements = [add([], { label: "Output" })];
  return { elements, values: () => entered(controls) };
}

// A schema for a task without a template: the fields of its input.
function schemaOf(input) {
  const names = Object.keys(input).filter((name) => !name.startsWith("_"));
  const kind = (value) => (typeof value === "boolean" ? "boolean" : typeof value === "number" ? "number" : typeof value === "string" ? "string" : "object");
  return { properties: Object.fromEntries(names.map((name) => [name, { type: kind(input[name]) }])) };
}

// The elements of a JSON Forms layout.
function layout(element, add) {
  if (!element || typeof element !== "object") return null;
  if (element.type === "Control") return add(pathOf(element.scope), { ...element.options, label: element.label });
  if (element.type === "Label") return h("p", {}, String(element.text ?? ""));
  const inner = (Array.isArray(element.elements) ? element.elements : []).map((one) => layout(one, add));
  if (element.type === "Group" || element.type === "Category") return h("fieldset", {}, h("legend", {}, String(element.label ?? "")), inner);
  return h("div", { class: element.type === "HorizontalLayout" ? "columns" : undefined }, inner);
}

// The names in a scope such as #/properties/address/properties/city.
function pathOf(scope) {
  const parts = String(scope ?? "").replace(/^#?\//, "").split("/").map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.filter((_, i) => i % 2 === 1);
}

function controlOf(task, whole, path, options) {
  let schema = whole;
  let isRequired = path.length > 0;
  for (const name of path) {
    isRequired &&= (schema.required ?? []).includes(name);
    schema = own(schema.properties, name) ?? {};
  }
  const known = valueAt(task.output, path) ?? valueAt(task.input, path) ?? schema.default;
  const label = String(options.label || schema.title || path.at(-1) || "");
  const shared = { name: path.join("."), readonly: Boolean(options.readonly ?? schema.readOnly), required: isRequired };
  const { input, read } = inputOf(schema, path.length ? known : {}, options, shared);
  const text = h("span", {}, isRequired ? `${label} (required)` : label);
  const hint = schema.description && h("span", { class: "small" }, String(schema.description));
  const element = input.type === "checkbox" ? h("label", { class: "check" }, input, text, hint) : h("label", { class: "field" }, text, input, hint);
  return { path, read, element };
}

function inputOf(schema, value, options, shared) {
  const choices = choicesOf(schema);
  if (choices) {
    const chosen = choices.findIndex((choice) => choice.value === value);
    const input = h("select", { ...shared, disabled: shared.readonly }, h("option", { value: "" }, ""),
      choices.map((choice, i) => h("option", { value: i, selected: i === chosen }, choice.title)));
    return { input, read: () => (input.value === "" ? undefined : choices[Number(input.value)].value) };
  }
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  if (type === "boolean") {
    const input = h("input", { type: "checkbox", name: shared.name, disabled: shared.readonly });
    input.checked = value === true;
    return { input, read: () => input.checked };
  }
  if (type === "number" || type === "integer") {
    const input = h("input", { ...shared, type: "number", step: type === "integer" ? "1" : "any", min: schema.minimum, max: schema.maximum, value: value ?? "" });
    return { input, read: () => (input.value === "" ? undefined : input.valueAsNumber) };
  }
  if (type === "string") {
    const input = options.multi ? h("textarea", { ...shared, value: value ?? "" })
      : h("input", { ...shared, type: INPUT_TYPES[schema.format] ?? "text", value: value ?? "", maxlength: schema.maxLength });
    return { input, read: () => (input.value === "" ? undefined : input.value) };
  }
  const input = h("textarea", { ...shared, class: "mono", spellcheck: "false", value: value === undefined || value === "" ? "" : JSON.stringify(value, null, 2) });
  return { input, read: () => parsed(shared.name, input.value) };
}

function choicesOf(schema) {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => ({ value, title: String(value) }));
  const options = (schema.oneOf ?? []).filter((one) => one && "const" in one);
  return options.length ? options.map((one) => ({ value: one.const, title: String(one.title ?? one.const) })) : null;
}

function parsed(name, text) {
  if (!text.trim()) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name || "The output"} is not JSON: ${error.message}`);
  }
}

const own = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);

const valueAt = (object, path) => path.reduce((value, name) => (typeof value === "object" ? own(value, name) : undefined), object ?? undefined);

function entered(controls) {
  const found = Object.create(null); // without a prototype, a field may have any name
  for (const { path, read } of controls) {
    const value = read();
    if (!path.length) Object.assign(found, value);
    else if (value !== undefined) put(found, path, value);
  }
  return found;
}

function put(object, path, value) {
  let holder = object;
  for (const name of path.slice(0, -1)) holder = holder[name] ??= Object.create(null);
  holder[path.at(-1)] = value;
}
