// Orders: a button for each that makes sense now, and the dialog in which
// one is explained, tried dry, given a reason, and confirmed. The rules are
// the proxy's; what it refuses is shown with the rule's name.
import {post} from "./api.js";
import {$, el, other, put} from "./words.js";

const DURATIONS = [["15 minutes", 900], ["1 hour", 3600],
  ["4 hours", 14400], ["12 hours", 43200], ["1 day", 86400]];
// an order that has ended; later only the events tell of it
const SHOWN_US = 600e6;
const FLAGS = {
  "--allow-data-loss": ["allow_data_loss",
    "Do it though writes may be missing until the old site is back"],
  "--allow-partial": ["allow_partial",
    "Do it though some of that site does not work"],
  "--allow-behind": ["allow_behind",
    "Do it though that site is behind: requests might wait in vain"],
  "--force": ["force", "Do it though a gate bars it"],
};

const byNow = (s) => (s.active ? other(s.active) : "backup");
const ORDERS = [
  {id: "switchover", verb: "switchover", strong: true,
    when: (s) => s.active === "primary",
    title: () => "Switch over to the backup",
    about: "Everybody moves to the backup without an error: requests wait " +
      "for a moment. Nothing returns by itself afterwards.",
    fixed: () => ({to: "backup"})},
  {id: "failback", verb: "failback", strong: true,
    when: (s) => s.active === "backup" && !s.maintained_us,
    title: () => "Return to the primary",
    about: "Everybody moves back as soon as the primary is caught up."},
  {id: "maintenance-finish", verb: "maintenance-finish", strong: true,
    when: (s) => s.maintained_us,
    title: () => "Finish the maintenance",
    about: "The primary is verified, and everybody moves back to it."},
  {id: "maintenance-start", verb: "maintenance-start",
    when: (s) => !s.maintained_us,
    title: () => "Begin maintenance of the primary",
    about: "Everybody moves to the backup, and nothing returns before the " +
      "maintenance is finished.", fields: ["until"]},
  {id: "redirect-add", verb: "redirect-add", when: () => true,
    title: () => "Redirect",
    about: "One company, or all rooms, to the other site, for a while.",
    fields: ["what", "to", "expires"]},
  {id: "pause", verb: "pause", when: (s) => !s.paused_until_us,
    title: () => "Pause automation",
    about: "Nothing moves by itself until then, a fail-over neither.",
    fields: ["expires"]},
  {id: "observe", verb: "observe", when: (s) => !s.observe,
    title: () => "Only observe",
    about: "Decisions are said, and none is done by itself, until you " +
      "resume."},
  {id: "resume", verb: "resume", strong: true,
    when: (s) => s.paused_until_us || s.observe,
    title: () => "Resume automation",
    about: "Ends a pause, and observing."},
  {id: "cancel", verb: "cancel",
    when: (s) => s.order && s.order.state === "running",
    title: () => "Call off what runs",
    about: "Possible as long as nothing has switched yet."},
  {id: "failover", verb: "failover", danger: true,
    when: (s) => s.active && s.state !== "LOST",
    title: (s) => `Fail over to the ${byNow(s)} at once`,
    about: "For a site that does not answer any more: nothing is drained.",
    fixed: (s) => ({to: byNow(s)})},
  {id: "adopt", verb: "adopt", danger: true,
    when: (s) => s.state === "LOST",
    title: () => "Begin anew",
    about: "The authority record is lost: say which site serves.",
    fields: ["to"]},
];

let now = null;      // the newest status
let open = null;     // the order in the dialog
let companies = [];
const buttons = {};

const durations = (none) => (none ? [[none, 0]] : []).concat(DURATIONS);

function select(id, label, choices) {
  return el("p", null, el("label", {for: id}, label),
    el("select", {id}, ...choices.map(([words, value]) =>
      el("option", {value}, words))));
}

const FIELDS = {
  until: () => select("until", "Announced until", durations("open end")),
  expires: () => select("expires", "For", durations()),
  to: () => select("to", "To", [["backup", "backup"],
    ["primary", "primary"]]),
  what: () => select("what", "What", companies.map((c) => [c, `c:${c}`])
    .concat([["all rooms", "rooms"]])),
};

function bodyOf(dryRun) {
  const body = {verb: open.verb, dry_run: dryRun,
    reason: $("reason").value.trim(), ...open.values};
  const value = (id) => ($(id) ? $(id).value : null);
  if (value("to")) body.to = value("to");
  const seconds = Number(value("until") || value("expires") || 0);
  if (seconds > 0) body.expires_in_ms = seconds * 1000;
  if (value("what") === "rooms") body.service = "collab";
  else if (value("what")) body.company = value("what").slice(2);
  if (open.flag && $("flag").checked) body[open.flag] = true;
  if (dryRun && !body.reason) body.reason = "looked at, in the dashboard";
  return body;
}

function say(level, words) {
  $("dialog-says").className = `says ${level}`;
  put($("dialog-says"), words);
}

function refused(e) {
  const {rule, override} = e.body || {};
  if (!rule) {
    say("bad", e.message);
    return;
  }
  say("bad", `Refused by rule ${rule}: ${e.message}. ` + (override
    ? `It yields to ${override}.` : "No flag overrides it."));
  if (override && FLAGS[override]) {
    open.flag = FLAGS[override][0];
    put($("flag-words"), `${FLAGS[override][1]} (${override})`);
    $("dialog-flag").hidden = false;
  }
}

/** What would happen, said before anybody confirms. */
async function tryDry() {
  const order = open;
  try {
    const done = await post("/v1/orders", bodyOf(true));
    if (order === open)
      say(done.state === "would-run" ? "ok" : "warn",
        (done.state === "would-run" ? "It would go: " : "Nothing to do: ") +
        done.message);
  } catch (e) {
    if (order === open) refused(e);
  }
}

async function confirm(event) {
  event.preventDefault();
  if (!$("reason").value.trim()) {
    say("bad", "A reason is needed: the audit log keeps it.");
    $("reason").focus();
    return;
  }
  const order = open;
  $("dialog-go").disabled = true;
  try {
    await post("/v1/orders", bodyOf(false));
    if (order === open) $("dialog").close();
  } catch (e) {
    if (order === open) refused(e);
  }
  $("dialog-go").disabled = false;
}

/** values: members of the order that are settled already. */
export function ask(order, values) {
  open = {...order, values: values || {}, flag: null};
  put($("dialog-title"), order.title(now));
  put($("dialog-about"), order.about);
  put($("dialog-go"), order.title(now));
  $("dialog-go").className = order.danger ? "danger" : "strong";
  $("dialog-fields").replaceChildren(...(order.fields || [])
    .map((name) => FIELDS[name]()));
  for (const field of $("dialog-fields").querySelectorAll("select"))
    field.addEventListener("change", tryDry);
  $("reason").value = "";
  $("flag").checked = false;
  $("dialog-flag").hidden = true;
  say("", "The proxy is asked what would happen\u2026");
  $("dialog").showModal();
  $("reason").focus();
  tryDry();
}

export function undoRedirect(r) {
  const rooms = r.service === "collab";
  ask({id: "redirect-del", verb: "redirect-del",
    title: () => `End the redirect of ${rooms ? "all rooms" : r.company}`,
    about: "They are where everybody is again."},
  rooms ? {service: "collab"} : {company: r.company});
}

export function begin(root) {
  for (const order of ORDERS) {
    const button = el("button", {type: "button", id: `do-${order.id}`,
      class: order.danger ? "danger" : order.strong ? "strong" : null,
      hidden: true});
    button.addEventListener("click", () =>
      ask(order, order.fixed ? order.fixed(now) : {}));
    buttons[order.id] = button;
    root.append(button);
  }
  $("dialog-form").addEventListener("submit", confirm);
  $("dialog-close").addEventListener("click", () => $("dialog").close());
  $("dialog").addEventListener("close", () => { open = null; });
}

export function knowCompanies(list) {
  companies = list;
}

export function show(s) {
  now = s;
  for (const order of ORDERS) {
    buttons[order.id].hidden = !order.when(s);
    put(buttons[order.id], `${order.title(s)}\u2026`);
  }
  const {order} = s;
  $("order").hidden = !order ||
    (order.ended_us && s.wall_us - order.ended_us > SHOWN_US);
  if (!order) return;
  $("order").className = "band " + ({running: "busy", done: "ok"}[
    order.state] || "bad");
  put($("order"), `Last order: ${order.verb}${order.to ? ` to the ${
    order.to}` : ""} by ${order.who} (${order.reason}): ${order.state}, ${
    order.message}`);
}
