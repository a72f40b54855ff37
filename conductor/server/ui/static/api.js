// Calls to the server's API, on the origin that this page came from.

import { ask, notice } from "./dom.js";

const TOKEN = "conductor-token";
let signingIn = null;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The event that tells the page that the server is away.
export const LOST = "server-lost";

// Whether a call failed because there is no server: none answers, or the server of the page cannot reach it.
export const isLost = (error) => error.status === 0 || error.status === 502;

function lost(error) {
  if (isLost(error)) dispatchEvent(new Event(LOST));
  return error;
}

export async function call(method, path, body) {
  const options = { method, headers: { Accept: "application/json, text/plain" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response = await send(path, options);
  if (response.status === 401 && (await signIn())) response = await send(path, options);
  const text = await response.text();
  if (!response.ok) throw lost(new ApiError(response.status, explained(response.status, text)));
  return parsed(text);
}

// The header with the token, for calls that do not go to the API.
export function tokenHeader() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { "X-Authorization": token } : {};
}

async function send(path, options) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { ...options.headers, "X-Authorization": token } : options.headers;
  try {
    return await fetch(`api${path}`, { ...options, headers });
  } catch {
    throw lost(new ApiError(0, "The server does not answer."));
  }
}

// Ask for a key, once for all calls that need one, and get a token; returns whether the page has a token.
function signIn() {
  signingIn ??= askForKey().finally(() => { signingIn = null; });
  return signingIn;
}

async function askForKey() {
  sessionStorage.removeItem(TOKEN);
  const entered = await ask("This server asks for a key", [
    { name: "keyId", label: "Key id", required: true },
    { name: "keySecret", label: "Key secret", secret: true, required: true }], "Sign in");
  if (!entered) return false;
  const response = await send("/token", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(entered) });
  const token = response.ok ? parsed(await response.text())?.token : null;
  if (!token) {
    notice("The server does not accept this key.", true);
    return false;
  }
  sessionStorage.setItem(TOKEN, token);
  return true;
}

// Let the server draw a definition or an execution; returns the SVG element.
export function drawn(workflow) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "page/diagram");
    request.responseType = "document";
    request.setRequestHeader("Content-Type", "application/json");
    const token = sessionStorage.getItem(TOKEN);
    if (token) request.setRequestHeader("X-Authorization", token);
    const fail = () => reject(new ApiError(request.status, "The diagram cannot be drawn."));
    request.onerror = fail;
    request.onload = () => (request.status === 200 && request.responseXML ? resolve(document.importNode(request.responseXML.documentElement, true)) : fail());
    request.send(JSON.stringify(workflow));
  });
}

export const get = (path) => call("GET", path);

// Like get, but returns the given value if the server does not have the resource (404).
export async function getOr(path, otherwise) {
  try {
    return (await get(path)) ?? otherwise;
  } catch (error) {
    if (error.status >= 400 && !isLost(error)) return otherwise;
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
