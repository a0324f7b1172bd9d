// How hard the new password is to guess, while it is typed: the site says so.
const field = document.getElementById("password");
const box = document.getElementById("strength");
const meter = box.querySelector("meter");
const words = box.querySelector("span");
let wait, last = 0;

async function ask() {
	const mine = ++last;
	const body = new URLSearchParams({
		csrf: field.form.elements.csrf.value,
		password: field.value,
	});
	const answer = await fetch(box.dataset.to, { method: "POST", body })
		.then(r => r.json().then(doc => ({ good: r.ok, ...doc })))
		.catch(() => null);
	if (mine !== last)
		return; // something else was typed
	box.hidden = answer === null;
	meter.hidden = !answer?.good;
	meter.value = answer?.strength ?? 0;
	words.textContent = answer?.good ? `This password is ${answer.words}.`
		: answer?.message ?? "";
}

field.addEventListener("input", () => {
	clearTimeout(wait);
	last++;
	if (field.value === "")
		box.hidden = true;
	else
		wait = setTimeout(ask, 300);
});
