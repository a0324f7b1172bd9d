// The last hour as three graphs: how far each site is behind, requests a
// second by site, and what failed or waited. A strip below says who served.
import {el, ms, put} from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 720, HEIGHT = 100;
const HOUR_US = 3600e6, LEAST_US = 300e6;
const rate = (n) => (n >= 10 ? String(Math.round(n)) : n.toFixed(1));

const KINDS = [
  {title: "Behind", lines: [
    ["primary to backup", "primary", (r) => r[2]],
    ["backup to primary", "backup", (r) => r[3]]],
  words: ms, least: 100},
  {title: "Requests a second", lines: [
    ["primary", "primary", (r, every) => r[4] / every],
    ["backup", "backup", (r, every) => r[5] / every]],
  words: rate, least: 1},
  {title: "Trouble", lines: [
    ["answered 5xx a second", "failed", (r, every) => r[6] / every],
    ["requests held", "held", (r) => r[7]]],
  words: rate, least: 1},
];

const SITES = ["primary", "backup"];
let rows = [];
let everyS = 5;
let span = LEAST_US; // what is drawn: an hour, less after a start
const drawn = [];

function svg(name, attributes) {
  const e = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes))
    e.setAttribute(key, value);
  return e;
}

export function begin(root) {
  for (const kind of KINDS) {
    const picture = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT + 8}`,
      preserveAspectRatio: "none", role: "img"});
    const peak = el("span", {class: "peak"});
    const legend = kind.lines.map(([, name]) =>
      el("li", {class: `line-${name}`}));
    const begins = el("span");
    root.append(el("figure", null, el("figcaption", null, kind.title),
      el("ul", {class: "legend"}, ...legend),
      el("div", {class: "plot"}, peak, picture),
      el("p", {class: "axis dim"}, begins, el("span", null, "now"))));
    drawn.push({kind, picture, peak, legend, begins});
  }
}

/** The answer of /v1/samples; the newest moment of it, for the next one. */
export function take(doc) {
  everyS = doc.every_ms / 1000;
  rows = rows.concat(doc.rows);
  const newest = rows.length ? rows[rows.length - 1][0] : 0;
  rows = rows.filter((r) => r[0] > newest - HOUR_US);
  span = rows.length ? Math.max(LEAST_US, newest - rows[0][0]) : LEAST_US;
  for (const one of drawn) draw(one, newest);
  return newest;
}

const x = (at, newest) => (WIDTH * (at - newest + span)) / span;

/** A path with a gap wherever nothing is known. */
function path(values, top, newest) {
  let out = "", pen = "M", before = 0;
  rows.forEach((r, i) => {
    const v = values[i];
    if (v === null || r[0] - before > 4e6 * everyS) pen = "M";
    before = r[0];
    if (v === null) return;
    out += `${pen}${x(r[0], newest).toFixed(1)} ` +
      `${(HEIGHT - (HEIGHT - 4) * v / top).toFixed(1)}`;
    // one value alone is a dot
    out += pen === "M" ? "h.1" : "";
    pen = "L";
  });
  return out;
}

/** Who served: one rectangle for each stretch of one site. */
function strip(picture, newest) {
  for (let i = 0; i < rows.length;) {
    const site = rows[i][1]; // 0, 1, or null
    let j = i;
    while (j + 1 < rows.length && rows[j + 1][1] === site &&
      rows[j + 1][0] - rows[j][0] < 4e6 * everyS) j++;
    const from = x(rows[i][0] - everyS * 1e6, newest);
    picture.append(svg("rect", {x: from, y: HEIGHT + 3, height: 5,
      width: Math.max(1, x(rows[j][0], newest) - from),
      class: `strip-${site === null ? "none" : SITES[site]}`}));
    i = j + 1;
  }
}

function draw({kind, picture, peak, legend, begins}, newest) {
  const values = kind.lines.map(([, , of]) => rows.map((r) => of(r, everyS)));
  const known = values.flat().filter((v) => v !== null);
  const most = Math.max(0, ...known);
  const top = Math.max(kind.least, most);
  picture.replaceChildren();
  for (const y of [4, HEIGHT / 2 + 2, HEIGHT])
    picture.append(svg("line", {x1: 0, x2: WIDTH, y1: y, y2: y,
      class: "grid"}));
  kind.lines.forEach(([label, name], i) => {
    const last = values[i].length ? values[i][values[i].length - 1] : null;
    picture.append(svg("path", {d: path(values[i], top, newest),
      class: `line-${name}`}));
    put(legend[i], `${label}: ${last === null ? "not known"
      : kind.words(last)}`);
  });
  strip(picture, newest);
  put(peak, kind.words(top));
  put(begins, `${ms(Math.round(span / 6e7) * 6e4)} ago`);
  picture.setAttribute("aria-label", rows.length === 0
    ? `${kind.title}: nothing is known yet`
    : `${kind.title} in the last hour: at most ${kind.words(most)}`);
}
