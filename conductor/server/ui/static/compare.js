// The differences between two texts, line by line.

import { h } from "./dom.js";

const CONTEXT = 3; // unchanged lines around a change

// Pairs of a sign (" ", "-", "+") and a line.
export function differences(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const middle = changed(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return [...a.slice(0, start).map((line) => [" ", line]), ...middle, ...a.slice(a.length - end).map((line) => [" ", line])];
}

// The longest common subsequence of the lines, by dynamic programming.
function changed(a, b) {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push([" ", a[i++]]);
      j++;
    }
    else if (i < a.length && (j === b.length || lengths[i + 1][j] >= lengths[i][j + 1])) lines.push(["-", a[i++]]);
    else lines.push(["+", b[j++]]);
  }
  return lines;
}

// The changes with some lines around them; a sentence if there are none.
export function comparison(before, after) {
  const lines = differences(before, after);
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(([sign]) => sign !== " "));
  if (!near.includes(true)) return h("p", { class: "quiet" }, "Both are the same.");
  const kinds = { "-": "removed", "+": "added", " ": undefined };
  return h("pre", { tabindex: "0", class: "difference" }, lines.flatMap(([sign, line], at) => {
    if (near[at]) return [h(sign === "+" ? "ins" : sign === "-" ? "del" : "span", { class: kinds[sign] }, `${sign} ${line}\n`)];
    return at > 0 && !near[at - 1] ? [] : [h("span", { class: "quiet" }, "  …\n")];
  }));
}
