// Gates, facts, redirects, events: lists that change in place.
import {$, el, ms, put, refill, time} from "./words.js";

const EVENTS = 60;
let events = [];

export function showGates(s) {
  const {ready, gates} = s.readiness;
  put($("ready"), ready ? "Yes" : "No");
  $("ready").className = ready ? "good" : "bad";
  refill($("gates"), gates.map((g) => [g.gate, g.verdict, g.bars, g.value,
    g.limit, ms(g.since_ms)]), () => gates.map((g) =>
    el("tr", {class: g.verdict === "good" ? null : g.bars ? "row-bad"
      : "row-dim"},
    el("th", {scope: "row"}, g.gate),
    el("td", {class: g.verdict === "good" ? "good" : g.bars ? "bad" : "dim"},
      g.verdict),
    el("td", null, g.value), el("td", null, g.limit),
    el("td", null, ms(g.since_ms)))));
}

function copyWords(s) {
  const gate = s.readiness.gates.find((g) => g.gate === "copy");
  return gate ? `${gate.value} (${gate.verdict})` : "not told";
}

function maintenanceWords(s) {
  if (!s.maintained_us) return "none";
  return `of the primary, since ${time(s.maintained_us)}` +
    (s.maintained_until_us ? `, until ${time(s.maintained_until_us)}` : "");
}

function automationWords(s) {
  if (s.paused_until_us) return `paused until ${time(s.paused_until_us)}`;
  if (s.observe) return "only observes";
  if (!s.automatic) return "off (failover.automatic)";
  return s.mode === "held" ? "on; stays where it is until an order" : "on";
}

function returnWords(s) {
  if (s.active !== "backup") return "the primary serves";
  return s.failback.ready ? "ready" : `waits: ${s.failback.why_not}`;
}

export function showFacts(s) {
  const {failover} = s;
  const facts = [
    ["Daily copy", copyWords(s)],
    ["Maintenance", maintenanceWords(s)],
    ["Automation", automationWords(s)],
    ["Fail-over", failover.ready ? `to the ${failover.to}: ready`
      : `to the ${failover.to}: no, ${failover.why_not}`],
    ["Return", returnWords(s)],
    ["Commits", s.degraded ? "on one site alone" : "on both sites"],
    ["Last change", `${time(s.when_us)} by ${s.who || "?"}: ${s.why || "?"}`],
    ["Proxy", `version ${s.version}, process ${s.pid}, since ` +
      time(s.begun_us)],
  ];
  refill($("facts"), facts, () => facts.flatMap(([name, words]) =>
    [el("dt", null, name), el("dd", null, words)]));
}

/** undo(redirect) is called by its button. */
export function showRedirects(s, undo) {
  refill($("redirects"), s.redirects, () => s.redirects.length === 0
    ? [el("li", {class: "dim"}, "None: every company is where all are.")]
    : s.redirects.map((r) => {
      const what = r.service === "collab" ? "all rooms" : r.company;
      const button = el("button", {type: "button", "data-redirect": what},
        `End it for ${what}`);
      button.addEventListener("click", () => undo(r));
      return el("li", null, `${what} to the ${r.to} until ` +
        `${time(r.until_us)} `, button);
    }));
}

/** Some more of them, oldest first. */
export function takeEvents(more) {
  events = events.concat(more).slice(-EVENTS);
  refill($("events"), events.map((e) => e.id), () =>
    [...events].reverse().map((e) => el("tr", {class: `kind-${e.kind}`},
      el("td", {class: "when"}, time(e.at_us)),
      el("td", null, e.kind), el("td", null, e.text))));
}
