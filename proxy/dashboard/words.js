// Values as words for people, and elements made of them. Text only ever gets
// into the page as text: nothing here or elsewhere writes HTML.

export const $ = (id) => document.getElementById(id);

/** el("li", {class: "a"}, "text", child): an element; null is left out. */
export function el(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {}))
    if (value !== null && value !== false)
      e.setAttribute(key, value === true ? "" : value);
  for (const child of children)
    if (child !== null && child !== undefined) e.append(child);
  return e;
}

/** Only what changed is touched: focus, selection and readers stay. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Calls make() and shows what it gives only when key is not the last one. */
export function refill(node, key, make) {
  const text = JSON.stringify(key);
  if (node.dataset.key === text) return;
  node.dataset.key = text;
  node.replaceChildren(...make());
}

export function ms(n) {
  const s = Math.floor(n / 1000);
  if (n < 1000) return `${Math.round(n)} ms`;
  if (n < 10000) return `${(n / 1000).toFixed(1)} s`;
  if (s < 120) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let u = 0;
  for (; n >= 1024 && u < 4; u++) n /= 1024;
  return `${u === 0 ? n : n.toFixed(1)} ${units[u]}`;
}

const two = (n) => String(n).padStart(2, "0");

/** "14:03:59Z", with the day in front unless it is today. */
export function time(us) {
  const d = new Date(us / 1000);
  const clock = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:` +
    `${two(d.getUTCSeconds())}Z`;
  const today = new Date().toISOString().slice(0, 10);
  const day = d.toISOString().slice(0, 10);
  return day === today ? clock : `${day} ${clock}`;
}

export const other = (site) => (site === "primary" ? "backup" : "primary");
