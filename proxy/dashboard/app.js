// Logs in, then keeps the page current: the status every second and after
// each event (which are waited for), the samples every five.
import * as api from "./api.js";
import * as graphs from "./graphs.js";
import {judge} from "./judge.js";
import * as lists from "./lists.js";
import * as orders from "./orders.js";
import * as pair from "./pair.js";
import {$, el, ms, put, refill} from "./words.js";

const STATUS_MS = 1000, SAMPLES_MS = 5000, RETRY_MS = 1000;
const WAIT_MS = 20000; // for the next event
const OLD_MS = 4000; // without an answer: what is shown is said to be old

let life = 0; // grows when somebody logs in or out: old loops end
let heard = 0; // when the last status came

const pause = (time) => new Promise((done) => setTimeout(done, time));

function showVerdict(s) {
  const v = judge(s);
  $("verdict").dataset.level = v.level;
  put($("serves"), v.serves);
  put($("serves-more"), v.servesMore);
  put($("well"), v.well);
  put($("well-more"), v.wellMore);
  const todo = v.todo.length ? v.todo : [v.nothing];
  refill($("todo"), todo, () => todo.map((one) => el("li", null, one)));
  put($("spoken"), `${v.serves} serves. ${v.well}. ${todo.join(" ")}`);
  document.title = `${v.serves}: ${v.well} \u2013 GSB`;
}

function show(s) {
  heard = Date.now();
  put($("where"), s.public_url || "");
  showVerdict(s);
  pair.show(s);
  orders.show(s);
  lists.showGates(s);
  lists.showFacts(s);
  lists.showRedirects(s, orders.undoRedirect);
  showAge();
}

function showAge() {
  const age = Date.now() - heard;
  put($("fresh"), heard === 0 ? "" : age < OLD_MS ? "up to date"
    : `${ms(age)} old`);
  $("stale").hidden = heard === 0 || age < OLD_MS;
  if (!$("stale").hidden)
    put($("stale"), "The proxy has not answered this page for some " +
      "seconds: what you see is old. On its machine: gsbctl status");
}

/** One loop; a session that is over leads back to the log-in. */
async function repeat(mine, once, time) {
  while (mine === life) {
    let next = time;
    try {
      await once();
    } catch (e) {
      if (mine === life && e.status === 401) {
        leave("You were logged out: the session is over.");
        return;
      }
      next = RETRY_MS;
    }
    await pause(next);
  }
}

async function status() {
  show(await api.get("/v1/status", 5000));
}

let lastEvent = 0;

async function events() {
  const doc = await api.get(
    `/v1/events?since=${lastEvent}&wait_ms=${lastEvent ? WAIT_MS : 0}`,
    WAIT_MS + 10000);
  lists.takeEvents(doc.events);
  const news = doc.events.length > 0;
  lastEvent = news ? doc.events[doc.events.length - 1].id : doc.last;
  if (news) await status();
}

let lastSample = 0;

async function samples() {
  lastSample = graphs.take(await api.get(`/v1/samples?since=${lastSample}`))
    || lastSample;
}

async function companies() {
  orders.knowCompanies((await api.get("/v1/companies")).companies || []);
}

function enter(who) {
  const mine = ++life;
  history.replaceState(null, "", location.pathname);
  put($("who"), who);
  $("me").hidden = false;
  $("login").hidden = true;
  $("board").hidden = false;
  repeat(mine, status, STATUS_MS);
  repeat(mine, events, 0);
  repeat(mine, samples, SAMPLES_MS);
  repeat(mine, companies, 30000);
}

function leave(why) {
  life++;
  heard = 0;
  if ($("dialog").open) $("dialog").close();
  $("me").hidden = true;
  $("board").hidden = true;
  $("stale").hidden = true;
  $("login").hidden = false;
  put($("login-fault"), why || "");
  $("token").value = "";
  ($("name").value ? $("token") : $("name")).focus();
  document.title = "Log in \u2013 GSB";
}

async function onLogin(event) {
  event.preventDefault();
  put($("login-fault"), "");
  try {
    const one = await api.login({name: $("name").value,
      token: $("token").value});
    $("token").value = "";
    enter(one.who);
    $("main").focus();
  } catch (e) {
    put($("login-fault"), e.message);
    $("token").focus();
  }
}

async function onLogout() {
  try {
    await api.logout();
  } finally {
    leave();
  }
}

async function begin() {
  pair.begin($("pair"));
  orders.begin($("orders"));
  graphs.begin($("graphs"));
  $("login-form").addEventListener("submit", onLogin);
  $("logout").addEventListener("click", onLogout);
  setInterval(showAge, 1000);
  const once = new URLSearchParams(location.hash.slice(1)).get("once");
  if (once) history.replaceState(null, "", location.pathname);
  try {
    enter((once ? await api.login({once}) : await api.session()).who);
  } catch (e) {
    leave(once ? e.message : "");
  }
}

begin();
