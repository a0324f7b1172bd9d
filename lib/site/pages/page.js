// Small helps on every page; each works without this, too.
// A form that is on its way is not sent again.
for (const form of document.forms) {
	form.addEventListener("submit", (event) => {
		setTimeout(() => {
			if (event.defaultPrevented)
				return; // a script's own

			for (const button of form.querySelectorAll("button"))
				button.disabled = true;
		});
	});
}
// Back from the history: buttons work again.
addEventListener("pageshow", () => {
	for (const button of document.querySelectorAll("form button[disabled]"))
		if (!button.hasAttribute("data-off"))
			button.disabled = false;
});
