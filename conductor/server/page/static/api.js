// Calls to the server's API, on the origin that this page came from.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function call(method, path, body) {
  const options = { method, headers: { Accept: "application/json, text/plain" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`api${path}`, options);
  } catch {
    throw new ApiError(0, "The server does not answer.");
  }
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, explained(response.status, text));
  return parsed(text);
}

export const get = (path) => call("GET", path);

// What may be missing on a server (404 and the like) becomes the given value instead of an error.
export async function getOr(path, otherwise) {
  try {
    return (await get(path)) ?? otherwise;
  } catch (error) {
    if (error.status >= 400) return otherwise;
    throw error;
  }
}

export function query(parameters) {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

export const part = encodeURIComponent;

function parsed(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function explained(status, text) {
  const body = parsed(text);
  const details = body?.validationErrors?.map((problem) => problem.message).join("; ");
  return details || body?.message || `The server answered ${status}.`;
}
