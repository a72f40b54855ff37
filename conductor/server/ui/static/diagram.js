// A workflow as a diagram: tasks from top to bottom, branches side by side, loops in a frame.
//
// Each piece is laid out as { width, height, draw(parent, x, y), ends }: its way in is the middle of its top, its way
// out the middle of its bottom; ends is true where nothing follows.

import { svg } from "./dom.js";
import { kindOf } from "./format.js";

const NODE = { width: 190, height: 46 };
const SMALLEST = 0.62; // how far it shrinks to fit a narrow window before it has to be scrolled
const MOST_BRANCHES = 8;
const GAP = 26, SIDE = 28, HEAD = 22;

export function diagram(definition, run, chosen, choose) {
  const context = { latest: latestTasks(run), run, chosen, choose };
  const body = sequence([{ start: true }, ...(definition?.tasks ?? []), { start: true }], context);
  const width = body.width + 2 * SIDE, height = body.height + 2 * GAP;
  const root = svg("svg", { class: "diagram", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Diagram of the workflow",
    style: { width: `min(${width}px, max(100%, ${Math.round(width * SMALLEST)}px))`, height: "auto" } },
    svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      svg("path", { class: "edge", d: "M1 1 7 4 1 7" }))));
  body.draw(root, SIDE, GAP);
  return root;
}

// The newest task of each reference; inside a loop, that of the newest iteration, under the name in the definition.
function latestTasks(run) {
  const latest = new Map(), attempts = new Map();
  for (const task of run?.tasks ?? []) {
    const name = task.iteration > 0 ? task.referenceTaskName.replace(/__\d+$/, "") : task.referenceTaskName;
    latest.set(name, task);
    attempts.set(name, (attempts.get(name) ?? 0) + 1);
  }
  return { get: (name) => latest.get(name), count: (name) => attempts.get(name) ?? 0 };
}

function piece(task, context) {
  if (task.start) return terminal();
  switch (task.type) {
    case "FORK_JOIN": return branching(task, (task.forkTasks ?? []).map((tasks) => ({ tasks })), context);
    case "FORK_JOIN_DYNAMIC": return branching(task, dynamicBranches(task, context), context);
    case "SWITCH": case "DECISION": return branching(task, cases(task), context);
    case "DO_WHILE": return loop(task, context);
    default: return node(task, context);
  }
}

function cases(task) {
  const named = Object.entries(task.decisionCases ?? {}).map(([label, tasks]) => ({ label, tasks }));
  return [...named, { label: "default", tasks: task.defaultCase ?? [] }];
}

// A dynamic fork may have made hundreds of branches: those that have not ended well come first, the rest is counted.
function dynamicBranches(task, context) {
  const made = context.latest.get(task.taskReferenceName)?.inputData?.forkedTaskDefs ?? [];
  if (made.length <= MOST_BRANCHES) return made.map((one) => ({ tasks: [one] }));
  const isWell = (one) => context.latest.get(one.taskReferenceName)?.status === "COMPLETED";
  const shown = [...made.filter((one) => !isWell(one)), ...made.filter(isWell)].slice(0, MOST_BRANCHES);
  const rest = { type: "", name: "", taskReferenceName: `${made.length - shown.length} more` };
  return [...shown.map((one) => ({ tasks: [one] })), { tasks: [rest] }];
}

function terminal() {
  return { width: 16, height: 16, draw: (parent, x, y) => parent.append(svg("g", { class: "end" }, svg("circle", { cx: x + 8, cy: y + 8, r: 7 }))) };
}

function node(task, context) {
  return { ...NODE, ends: task.type === "TERMINATE", draw: (parent, x, y) => parent.append(box(task, context, x, y)) };
}

function box(task, context, x, y) {
  const done = context.latest.get(task.taskReferenceName);
  const count = context.latest.count(task.taskReferenceName);
  const open = () => done && context.choose?.(done.taskId);
  const classes = ["node", done ? kindOf(done.status) : "plain", done && done.taskId === context.chosen ? "chosen" : ""];
  const name = task.taskReferenceName ?? task.name;
  return svg("g", { class: classes.join(" "), transform: `translate(${x} ${y})`, tabindex: done ? "0" : undefined,
    role: done ? "button" : undefined, "aria-label": done ? `${name}, ${done.status}` : undefined,
    onclick: open, onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } } },
  svg("title", {}, `${name} (${task.name}, ${task.type})${done ? `: ${done.status}` : ""}`),
  svg("rect", { width: NODE.width, height: NODE.height, rx: 9 }),
  svg("text", { x: 11, y: 20 }, cut(name, 24)),
  svg("text", { class: "kind", x: 11, y: 36 }, cut(subtitle(task, done), 28)),
  count > 1 ? svg("text", { class: "kind", x: NODE.width - 9, y: 20, "text-anchor": "end" }, `×${count}`) : null);
}

function subtitle(task, done) {
  const both = done ? `${task.type} · ${done.status}` : task.type;
  return both.length > 28 && done ? done.status : both;
}

const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function sequence(tasks, context) {
  const pieces = tasks.map((task) => piece(task, context));
  const width = Math.max(0, ...pieces.map((one) => one.width));
  const height = pieces.reduce((sum, one) => sum + one.height, 0) + GAP * Math.max(0, pieces.length - 1);
  return { width, height, ends: pieces.at(-1)?.ends, draw: (parent, x, y) => {
    let top = y;
    pieces.forEach((one, index) => {
      one.draw(parent, x + (width - one.width) / 2, top);
      const bottom = top + one.height;
      if (index < pieces.length - 1 && !one.ends) edge(parent, x + width / 2, bottom, x + width / 2, bottom + GAP);
      top = bottom + GAP;
    });
  } };
}

function branching(task, branches, context) {
  if (!branches.length) return node(task, context);
  const laid = branches.map((branch) => ({ ...branch, piece: sequence(branch.tasks, context) }));
  const widths = laid.map((branch) => Math.max(branch.piece.width, 70));
  const inner = widths.reduce((sum, one) => sum + one, 0) + SIDE * (laid.length - 1);
  const width = Math.max(NODE.width, inner);
  const tallest = Math.max(...laid.map((branch) => branch.piece.height));
  const top = NODE.height + GAP + HEAD;
  return { width, height: top + tallest + GAP, ends: laid.every((branch) => branch.piece.ends), draw: (parent, x, y) => {
    parent.append(box(task, context, x + (width - NODE.width) / 2, y));
    const middle = x + width / 2, bottom = y + top + tallest + GAP;
    let left = x + (width - inner) / 2;
    laid.forEach((branch, index) => {
      const center = left + widths[index] / 2;
      const { piece: own } = branch;
      edge(parent, middle, y + NODE.height, center, y + top, own.height > 0);
      if (branch.label) parent.append(svg("text", { class: "label", x: center + 6, y: y + top - 8 }, cut(branch.label, 20)));
      own.draw(parent, center - own.width / 2, y + top);
      if (!own.ends) {
        edge(parent, center, y + top + own.height, center, bottom - GAP, false);
        edge(parent, center, bottom - GAP, middle, bottom, false);
      }
      left += widths[index] + SIDE;
    });
  } };
}

function loop(task, context) {
  const body = sequence(task.loopOver ?? [], context);
  const width = Math.max(NODE.width, body.width) + 2 * SIDE;
  const height = NODE.height + GAP + body.height + GAP;
  return { width, height, draw: (parent, x, y) => {
    const middle = x + width / 2, top = y + NODE.height + GAP;
    parent.append(svg("rect", { class: "frame", x, y: y + NODE.height / 2, width, height: height - NODE.height / 2, rx: 12 }));
    edge(parent, middle, y + NODE.height, middle, top);
    body.draw(parent, middle - body.width / 2, top);
    edge(parent, middle, top + body.height, middle, y + height, false);
    parent.append(box(task, context, x + (width - NODE.width) / 2, y));
    const rounds = context.latest.get(task.taskReferenceName)?.iteration;
    if (rounds) parent.append(svg("text", { class: "label", x: x + 10, y: y + height - 8 }, `iteration ${rounds}`));
  } };
}

function edge(parent, x1, y1, x2, y2, arrow = true) {
  const half = (y1 + y2) / 2;
  const path = x1 === x2 ? `M${x1} ${y1}V${y2}` : `M${x1} ${y1}C${x1} ${half} ${x2} ${half} ${x2} ${y2}`;
  parent.append(svg("path", { class: "edge", d: path, "marker-end": arrow ? "url(#arrow)" : undefined }));
}
