// Puts the chosen file as it is; the page is loaded again when it is stored.
const form = document.getElementById("upload");
const [area, file, path, progress, outcome] =
	["area", "file", "path", "progress", "outcome"].map(
		id => document.getElementById(id));
const button = form.querySelector("button");
let named = "";

function say(text, bad) {
	outcome.textContent = text;
	outcome.className = bad ? "error" : "said";
	outcome.hidden = false;
}

function words(request) {
	try {
		return JSON.parse(request.responseText).message;
	} catch {
		return `It was not stored (${request.status}).`;
	}
}

function failed(text) {
	progress.hidden = true;
	button.disabled = false;
	say(text, true);
}

file.addEventListener("change", () => {
	const name = file.files[0]?.name ?? "";
	if (path.value === named)
		path.value = name;
	named = name;
});

form.addEventListener("submit", event => {
	const request = new XMLHttpRequest();
	const to = `${area.value}/${path.value.trim()}`;
	event.preventDefault();
	request.open("PUT", `${form.dataset.to}?path=${encodeURIComponent(to)}`);
	request.setRequestHeader("X-GSB-Form", form.dataset.csrf);
	request.setRequestHeader("Content-Type", "application/octet-stream");
	request.upload.addEventListener("progress", e => {
		progress.value = e.lengthComputable ? e.loaded / e.total : 0;
	});
	request.addEventListener("load", () => {
		if (request.status === 200)
			location.assign("?said=uploaded");
		else
			failed(words(request));
	});
	request.addEventListener("error", () =>
		failed("It was not stored: the connection was lost. Try again."));
	button.disabled = true;
	progress.value = 0;
	progress.hidden = false;
	say("Uploading …", false);
	request.send(file.files[0]);
});
