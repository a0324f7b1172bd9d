// The pair as a picture: the proxy above, a site on each side, what leads
// where, and the replication both ways between them. Made once, then changed
// in place.
import {bytes, el, ms, other, put, refill} from "./words.js";

const SITES = ["primary", "backup"];
const part = {};

function make(name, element) {
  part[name] = element;
  return element;
}

function siteBox(site) {
  return make(site, el("div", {class: `site ${site}`},
    el("h3", null, site.toUpperCase()),
    make(`${site}.role`, el("p", {class: "role"})),
    make(`${site}.services`, el("ul", {class: "services"})),
    make(`${site}.more`, el("p", {class: "dim"})),
    make(`${site}.faults`, el("p", {class: "fault"}))));
}

function arrow(from) {
  return make(`${from}.arrow`, el("div", {class: `arrow from-${from}`},
    el("span", {class: "line", "aria-hidden": "true"}),
    make(`${from}.lag`, el("p"))));
}

export function begin(root) {
  root.append(
    el("div", {class: "proxy"}, el("h3", null, "PROXY"),
      make("proxy.more", el("p", {class: "dim"}))),
    make("primary.way", el("p", {class: "way primary"})),
    make("backup.way", el("p", {class: "way backup"})),
    siteBox("primary"),
    el("div", {class: "between"}, arrow("primary"), arrow("backup")),
    siteBox("backup"));
}

function roleOf(s, site) {
  if (site === "primary" && s.maintained_us) return "under maintenance";
  if (s.active !== site)
    return s.sites[site].verdict === "dead" ? "down" : "stands by";
  if (s.routing === "serve") return "serves";
  return s.routing === "hold" ? "requests wait for it" : "does not serve";
}

const mark = (word) => (word === "ok" || word === "whole" ? "good"
  : word === "unknown" ? "dim" : "bad");

function services(one) {
  const {web, collab} = one.services;
  return [["web", web.health], ["database", web.db], ["files", web.files],
    ["rooms", collab.health]].map(([name, word]) =>
    el("li", {class: mark(word)}, `${name} ${word}`));
}

function showSite(s, site) {
  const one = s.sites[site];
  const role = roleOf(s, site);
  const {web, collab} = one.services;
  const errors = Object.entries(one.services).filter(([, v]) => v.error)
    .map(([name, v]) => `${name}: ${v.error}`);
  part[site].dataset.role = role === "serves" ? "serves" : "other";
  part[site].dataset.verdict = one.verdict;
  put(part[`${site}.role`], role === "down" ? "down"
    : `${role}, ${one.verdict}`);
  refill(part[`${site}.services`],
    [web.health, web.db, web.files, collab.health], () => services(one));
  put(part[`${site}.more`], `${one.traffic.in_flight} in flight, ` +
    `${one.traffic.websockets} in rooms, ` +
    (web.version ? `version ${web.version}` : "version not told"));
  put(part[`${site}.faults`], errors.join("\n"));
}

function showWay(s, site) {
  const way = part[`${site}.way`];
  const on = s.active === site;
  const words = !on ? "no requests" : s.routing === "serve" ? "requests"
    : s.routing === "hold" ? "requests wait" : "answered 503";
  way.dataset.on = on && s.routing === "serve" ? "yes" : "no";
  put(way, words);
}

export function lagWords(replication) {
  if (!replication) return "not known";
  const {out} = replication;
  if (out.state !== "streaming") return out.state;
  return `${ms(out.lag_ms)} behind, ${bytes(out.lag_bytes)}`;
}

function showArrow(s, from) {
  const {replication} = s.sites[from];
  const streams = replication && replication.out.state === "streaming";
  part[`${from}.arrow`].dataset.level = streams ? "good" : "bad";
  put(part[`${from}.lag`],
    `${from} to ${other(from)}: ${lagWords(replication)}`);
}

export function show(s) {
  put(part["proxy.more"], `${s.traffic.connections} connections, ` +
    `${s.traffic.held} requests held`);
  for (const site of SITES) {
    showSite(s, site);
    showWay(s, site);
    showArrow(s, site);
  }
}
