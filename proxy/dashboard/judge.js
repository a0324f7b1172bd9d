// What a person must know in two seconds, from a status. Pure.
import {ms, other, time} from "./words.js";

const MOVING = {
  START: "The proxy begins: it asks both sites.",
  FENCING: "The other site takes over: the old one's right to answer ends.",
  HOLD: "A planned switch: requests wait for a moment.",
  DRAIN: "A planned switch: writes in flight end.",
  SYNC: "A planned switch: the other site gets the last rows.",
  SWITCH: "A planned switch: the other site is told to serve.",
  RELEASE: "A planned switch: what waited is answered.",
};

const serves = (verdict) => verdict === "whole" || verdict === "partial";

function whatFails(site) {
  const errors = [];
  for (const [name, service] of Object.entries(site.services)) {
    if (service.health === "down")
      errors.push(name === "web" ? "its web does not answer"
        : "its rooms do not answer");
    if (service.db === "down") errors.push("its database does not answer");
    if (service.files === "down") errors.push("its files cannot be had");
  }
  return errors.join("; ") || `it is ${site.verdict}`;
}

function closed(s, todo) {
  const to = other(s.active || "primary");
  if (s.state === "LOST")
    todo.push("Say who serves: order \u201cBegin anew\u201d (the authority " +
      "record is lost).");
  else if (serves(s.sites[to].verdict))
    todo.push(`Order a fail-over to the ${to}: it may not take over by ` +
      `itself (${s.failover.why_not || "not ready"}).`);
  else todo.push("Bring one of the sites back: both are down.");
  for (const site of ["primary", "backup"])
    if (!serves(s.sites[site].verdict))
      todo.push(`Mend the ${site}: ${whatFails(s.sites[site])}.`);
}

function sites(s, todo) {
  for (const site of ["primary", "backup"]) {
    const {verdict} = s.sites[site];
    if (verdict === "whole" || verdict === "unknown") continue;
    todo.push(verdict === "partial"
      ? `Look at the ${site}: some of it does not work ` +
        `(${whatFails(s.sites[site])}).`
      : `Mend the ${site}: ${whatFails(s.sites[site])}.`);
  }
}

function marks(s, todo) {
  if (s.paused_until_us)
    todo.push("Automation is paused until " + time(s.paused_until_us) +
      ": resume it when you are done.");
  if (s.observe)
    todo.push("Automation only observes: resume it when you are done.");
  if (!s.automatic)
    todo.push("failover.automatic is off: a fail-over needs your order.");
  if (s.maintained_us)
    todo.push(s.maintained_until_us && s.wall_us > s.maintained_until_us
      ? "The maintenance should have ended by " +
        time(s.maintained_until_us) + ": finish it."
      : "The primary is under maintenance: finish it when it is done.");
}

function back(s, todo) {
  if (s.active !== "backup" || s.maintained_us || s.mode === "held" ||
    s.sites.primary.verdict !== "whole")
    return;
  todo.push(s.failback.ready ? "The return to the primary is due."
    : `The return to the primary waits: ${s.failback.why_not}.`);
}

function gates(s, todo) {
  for (const gate of s.readiness.gates)
    if (gate.bars && gate.gate !== "sites")
      todo.push(`Gate ${gate.gate}: ${gate.value}` +
        (gate.limit ? ` (limit ${gate.limit}).` : "."));
}

function wellWords(s, level, todo) {
  if (s.state in MOVING) return ["A change is under way", MOVING[s.state]];
  if (level === "bad")
    return ["NO", s.state === "LOST" ? "There is no authority record to trust."
      : "Requests are answered 503."];
  if (s.degraded)
    return ["Not safe", `What is written now is on the ${s.active} alone, ` +
      `until the ${other(s.active)} has it too.`];
  if (s.state === "SUSPECT")
    return ["In doubt", `The ${s.active} answers badly; it is looked at.`];
  if (!serves(s.sites[other(s.active)].verdict) || !s.failover.ready)
    return ["Not safe", `The ${s.failover.to} could not take over now: ` +
      `${s.failover.why_not || "it is " + s.sites[s.failover.to].verdict}.`];
  if (todo.length === 0)
    return ["Yes", "Both sites are whole; the other one could take over."];
  return ["Served", "Everybody is answered, but see what to do."];
}

/** {level: ok|warn|bad|busy, serves, servesMore, well, wellMore, todo: []} */
export function judge(s) {
  const todo = [];
  const answered = s.routing === "serve" && s.active;
  const waits = s.routing === "hold";
  const moving = s.state in MOVING;
  let level = "ok";
  if (!answered && !moving) {
    level = "bad";
    closed(s, todo);
  } else if (!moving) {
    sites(s, todo);
    marks(s, todo);
    back(s, todo);
    gates(s, todo);
  }
  if (moving) level = "busy";
  else if (level === "ok" && (todo.length > 0 || s.degraded ||
    !s.failover.ready || s.state === "SUSPECT" || s.state === "ON_BACKUP"))
    level = "warn";
  const [well, wellMore] = wellWords(s, level, todo);
  return {
    level, well, wellMore, todo,
    serves: answered ? s.active.toUpperCase()
      : waits ? "requests wait" : "NOBODY",
    servesMore: `${s.state.replaceAll("_", " ").toLowerCase()} for ` +
      `${ms(s.state_ms)}, epoch ${s.epoch}`,
    nothing: moving ? "Wait: it goes on by itself."
      : s.active === "backup" && s.mode === "held"
        ? "Nothing: it stays so until you order the return." : "Nothing.",
  };
}
