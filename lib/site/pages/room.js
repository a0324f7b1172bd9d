// The room of a meeting (docs/contracts.md 6). Whoever is cut off comes back
// by himself: by the same path, or by the one that he is told of now, which
// leads to the other site after a fail-over.
const $ = (id) => document.getElementById(id);
const box = $("room");
const WAITS = [0, 250, 500, 1000, 2000, 5000];
const PING_MS = 15000;
const SILENT_MS = 12000;

const room = { people: new Map(), lobby: new Map(), lines: new Map() };
let path = box.dataset.path;
let socket = null;
let tries = 0;
let over = false;
let timer = 0;
let ping = 0;
let silent = 0;
let me = null;
let host = false;

const ENDS = {
	1000: ["You left the meeting.", true],
	4001: ["You joined from elsewhere: this window is out.", true],
	4002: ["The host has ended the meeting.", false],
	4003: ["The host has taken you out of the meeting.", false],
	4004: ["The host did not let you in.", false],
	4005: ["The room is locked.", true],
	4006: ["The room is full.", true],
};

function show(state, text) {
	$("state").dataset.state = state;
	$("state").textContent = text;
}

function stop(text, again) {
	over = true;
	clearTimeout(timer);
	show("over", text);
	$("inside").hidden = $("hosting").hidden = $("lobbybox").hidden = true;
	$("waiting").hidden = true;
	$("hand").hidden = $("leave").hidden = true;
	$("again").hidden = !again;
	$("state").tabIndex = -1;
	$("state").focus();
}

// --- the connection --------------------------------------------------------

function connect() {
	const here = location.protocol === "https:" ? "wss:" : "ws:";
	const it = new WebSocket(`${here}//${location.host}${path}`);

	socket = it;
	it.onmessage = (event) => {
		heard();
		take(JSON.parse(event.data));
	};
	it.onopen = heard;
	it.onclose = (event) => {
		if (it === socket)
			closed(event.code);
	};
}

// Nothing, not even an answer to a ping: the connection is dead.
function heard() {
	clearTimeout(ping);
	clearTimeout(silent);
	ping = setTimeout(() => {
		send({ type: "ping" });
		silent = setTimeout(() => {
			const dead = socket;

			socket = null;
			dead.close();
			closed(1006);
		}, SILENT_MS);
	}, PING_MS);
}

function closed(code) {
	clearTimeout(ping);
	clearTimeout(silent);
	socket = null;
	if (over)
		return;
	if (ENDS[code]) {
		stop(...ENDS[code]);
		return;
	}
	show("lost", "The connection is lost. Rejoining …");
	const wait = code === 4008 ? 10000 : WAITS[Math.min(tries, 5)];

	tries++;
	timer = setTimeout(rejoin, wait + Math.random() * wait / 4);
}

// After a fail-over the page is still the other site's: its foot says so.
function siteIs(word) {
	if (word)
		document.querySelector("footer .site").textContent =
			`Site: ${word[0]}${word.slice(1).toLowerCase()}`;
}

// When nobody says where the meeting is now, it may still be where it was.
async function rejoin() {
	try {
		const answer = await fetch(box.dataset.again, {
			cache: "no-store", signal: AbortSignal.timeout(8000),
		});

		if (answer.ok) {
			path = (await answer.json()).roomPath;
			siteIs(answer.headers.get("X-GSB-Status"));
		} else if ([401, 403, 404].includes(answer.status)) {
			stop("You are no longer in this meeting.", true);
			return;
		}
	} catch {
		// the web side is away: the room may be there all the same
	}
	if (!over)
		connect();
}

function send(message) {
	if (socket !== null && socket.readyState === WebSocket.OPEN)
		socket.send(JSON.stringify(message));
}

// --- what the room says ----------------------------------------------------

function take(message) {
	const does = {
		welcome, waiting, people, lobby, room: roomIs, chat, error: fault,
	}[message.type];

	if (does)
		does(message);
}

function welcome(message) {
	tries = 0;
	me = message.you;
	host = message.host === true;
	room.people = new Map((message.roster || []).map((p) => [p.id, p]));
	room.lobby = new Map((message.waiting || []).map((p) => [p.id, p]));
	room.lines = new Map((message.chat || []).map((l) => [l.id, l]));
	$("waiting").hidden = true;
	$("inside").hidden = false;
	show("open", "You are in the meeting.");
	if (message.room)
		roomIs(message);
	draw();
	drawChat();
	if (document.hidden)
		send({ type: "presence", presence: "away" });
}

function waiting(message) {
	tries = 0;
	me = message.you;
	$("inside").hidden = $("hosting").hidden = true;
	$("waiting").hidden = false;
	$("waiting").textContent = message.why === "host"
		? "The meeting begins when the host comes. Stay here."
		: "You are in the lobby: the host will let you in. Stay here.";
	show("open", "Waiting.");
}

function change(map, message) {
	for (const person of message.set || [])
		map.set(person.id, person);
	for (const id of message.gone || [])
		map.delete(id);
}

function people(message) {
	change(room.people, message);
	if (room.people.has(me))
		host = room.people.get(me).host === true;
	draw();
}

function lobby(message) {
	change(room.lobby, message);
	draw();
}

function roomIs(message) {
	press("lock", message.room.locked);
	press("lobby", message.room.lobby);
}

function chat(message) {
	room.lines.set(message.line.id, message.line);
	if (message.line.from === me)
		$("fault").textContent = "";
	drawChat();
}

function fault(message) {
	$("fault").textContent = message.code === "muted"
		? "You are muted: only the host has seen it."
		: message.message;
}

// --- what people see -------------------------------------------------------

function press(id, on) {
	$(id).setAttribute("aria-pressed", on ? "true" : "false");
}

function pressed(id) {
	return $(id).getAttribute("aria-pressed") === "true";
}

function button(text, name, message) {
	const it = document.createElement("button");

	it.type = "button";
	it.className = "second";
	it.textContent = text;
	it.setAttribute("aria-label", `${text}: ${name}`);
	it.onclick = () => send(message);
	return it;
}

function actions(person) {
	const all = document.createElement("div");
	const id = person.id;
	const name = person.name;

	all.className = "actions";
	if (person.hand)
		all.append(button("Hand down", name, { type: "lower", id }));
	if (id === me)
		return all;
	all.append(
		person.muted
			? button("Unmute", name, { type: "mute", id, muted: false })
			: button("Mute", name, { type: "mute", id, muted: true }),
		button("Make host", name, { type: "host", id }),
		button("Take out", name, { type: "expel", id }));
	return all;
}

function words(person) {
	const marks = [];

	if (person.id === me)
		marks.push("me");
	if (person.host)
		marks.push("host");
	if (person.hand)
		marks.push("✋ hand up");
	if (person.muted)
		marks.push("muted");
	if (person.presence === "away")
		marks.push("away");
	if (person.presence === "lost")
		marks.push("connection lost");
	return person.name + (marks.length ? ` (${marks.join(", ")})` : "");
}

// The focus stays with whoever has it while the list is drawn anew.
function fill(list, items) {
	const label = list.contains(document.activeElement)
		? document.activeElement.getAttribute("aria-label") : null;

	list.replaceChildren(...items);
	if (label === null)
		return;
	for (const it of list.querySelectorAll("button"))
		if (it.getAttribute("aria-label") === label)
			it.focus();
}

function order(a, b) {
	const hands = (a.hand || 1e9) - (b.hand || 1e9);

	return hands || (b.host === true) - (a.host === true) ||
		a.name.localeCompare(b.name);
}

function draw() {
	const mine = room.people.get(me);

	$("hosting").hidden = !host;
	$("lobbybox").hidden = !host || room.lobby.size === 0;
	$("count").textContent = `(${room.people.size})`;
	press("hand", mine && mine.hand > 0);
	$("hand").textContent = mine && mine.hand > 0
		? "Take hand down" : "Raise hand";
	fill($("roster"), [...room.people.values()].sort(order).map((p) => {
		const it = document.createElement("li");

		it.textContent = words(p);
		it.dataset.person = p.name;
		if (host)
			it.append(actions(p));
		return it;
	}));
	fill($("guests"), [...room.lobby.values()].map((p) => {
		const it = document.createElement("li");
		const all = document.createElement("div");

		it.textContent = p.name;
		it.dataset.person = p.name;
		all.className = "actions";
		all.append(
			button("Let in", p.name, { type: "admit", id: p.id }),
			button("Refuse", p.name, { type: "refuse", id: p.id }));
		it.append(all);
		return it;
	}));
}

function drawChat() {
	const list = $("chat");
	const view = $("log");
	const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
	const lines = [...room.lines.values()]
		.sort((a, b) => a.n - b.n || (a.id < b.id ? -1 : 1)).slice(-500);
	const known = new Map([...list.children].map((it) => [it.dataset.id, it]));

	list.replaceChildren(...lines.map((line) => {
		const it = known.get(line.id) || document.createElement("li");

		if (it.dataset.id === undefined) {
			const name = document.createElement("b");

			name.textContent = line.to ? `${line.name} (privately)` : line.name;
			it.dataset.id = line.id;
			it.append(name, line.text);
		}
		return it;
	}));
	if (atEnd)
		view.scrollTop = view.scrollHeight;
}

// --- what people do --------------------------------------------------------

$("say").onsubmit = (event) => {
	const text = $("text").value.trim();

	event.preventDefault();
	if (text === "")
		return;
	if (socket === null || socket.readyState !== WebSocket.OPEN) {
		$("fault").textContent = "Not connected: send it again in a moment.";
		return;
	}
	send({ type: "chat", text });
	$("text").value = "";
};
$("hand").onclick = () => send({ type: "hand", up: !pressed("hand") });
$("lock").onclick = () => send({ type: "lock", locked: !pressed("lock") });
$("lobby").onclick = () => send({ type: "lobby", on: !pressed("lobby") });
$("muteall").onclick = () => send({ type: "mute", muted: true });
$("lowerall").onclick = () => send({ type: "lower" });
$("end").onclick = () => {
	if (confirm("End the meeting for everybody?"))
		send({ type: "end" });
};
$("leave").onclick = () => {
	send({ type: "leave" });
	stop(...ENDS[1000]);
	if (socket !== null)
		socket.close(1000);
};
$("again").onclick = () => location.reload();
document.addEventListener("visibilitychange", () =>
	send({ type: "presence", presence: document.hidden ? "away" : "here" }));

connect();
