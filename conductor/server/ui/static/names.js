// The names of secrets and environment variables that workflows can use; the values of secrets are never shown.

import { getOr } from "./api.js";
import { h, table } from "./dom.js";

export async function names() {
  const [secrets, variables] = await Promise.all([getOr("/secrets", []), getOr("/environment", [])]);
  const pairs = Array.isArray(variables) ? variables.map((one) => [one.name ?? one.key, one.value]) : Object.entries(variables);
  const used = (text) => h("span", { class: "mono" }, text);
  return { element: h("div", {}, h("h1", {}, "Secrets and environment"),
    h("h2", {}, "Secrets"), table(["Name", "Used as"], secrets.map((name) => [name, used(`\${workflow.secrets.${name}}`)]), "No secret is set."),
    h("h2", {}, "Environment variables"), table(["Name", "Value", "Used as"], pairs.map(([name, value]) => [name, String(value ?? ""), used(`\${workflow.env.${name}}`)]), "No variable is set.")) };
}
