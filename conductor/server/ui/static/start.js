// The dialog that starts a workflow.

import { call, getOr, part } from "./api.js";
import { ask, notice } from "./dom.js";

export async function startDialog(name = "", version = "", input = {}) {
  const known = name ? await getOr(`/metadata/workflow/${part(name)}${version ? `?version=${part(version)}` : ""}`, null) : null;
  const keys = Object.keys(input).length ? input : Object.fromEntries((known?.inputParameters ?? []).map((key) => [key, null]));
  const entered = await ask("Start a workflow", [
    { name: "name", label: "Workflow", value: name, required: true },
    { name: "version", label: "Version (empty: the latest)", value: version },
    { name: "correlationId", label: "Correlation id" },
    { name: "input", label: "Input", value: JSON.stringify(keys, null, 2), json: true },
  ], "Start");
  if (!entered) return;
  const body = { name: entered.name, input: entered.input };
  if (entered.version) body.version = Number(entered.version);
  if (entered.correlationId) body.correlationId = entered.correlationId;
  try {
    location.hash = `#/executions/${part(await call("POST", "/workflow", body))}`;
  } catch (error) {
    notice(error.message, true);
  }
}
