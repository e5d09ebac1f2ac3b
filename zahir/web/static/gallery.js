/** Likes: a contact sheet to come back to. What is chosen has a ring, as everything here is liked already. */

import * as api from "./api.js";
import { $, el, film, frame, pencil } from "./dom.js";
import { lettersOn, meaning } from "./keys.js";
import * as memory from "./memory.js";
import { stamp } from "./outbox.js";
import { post } from "./post.js";
import { open, sheets } from "./sheets.js";
import { say } from "./strings.en.js";

/** @typedef {api.Print} Print */

const grid = $("#grid");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const look = /** @type {HTMLDialogElement} */ ($("#look"));
/** @type {Print[]} newest first */
let prints = [];
/** @type {Set<string>} ids */
const chosen = new Set();
/** @type {Print[]} what was just taken back, for as long as this page is open and nothing else is chosen */
let taken = [];
/** @type {string | null} */
let since = null;
let large = 0; // which print the sheet shows

const box = post(({ letter, reply, away }) => {
  if (letter.kind === "rate" && !away) memory.settle(letter.key, reply);
});

/** @returns {HTMLElement[]} */
const cells = () => [...grid.querySelectorAll(".pick")];

/** @param {Print} print */
const caption = (print) => (print.films.length ? `${print.number} · ${say.video}` : `${print.number}`);

/** A video plays on its print while that is pointed at or in focus. @param {HTMLElement} button @param {Print} print */
function wake(button, print) {
  /** @type {HTMLVideoElement | null} */
  let playing = null;
  const start = () => {
    if (playing || still.matches) return;
    const video = film(print);
    video.ariaHidden = "true";
    $("img", button).after(video);
    void video.play().catch(() => {}); // then the first frame stays
    playing = video;
  };
  const rest = () => {
    if (button.matches(":hover, :focus-visible")) return;
    playing?.remove();
    playing = null;
  };
  for (const name of ["pointerenter", "focus"]) button.addEventListener(name, start);
  for (const name of ["pointerleave", "blur"]) button.addEventListener(name, rest);
}

/** @param {Print} print */
function cell(print) {
  const button = el("button", { className: "pick", ariaPressed: "false", tabIndex: -1 },
    frame(print), el("span", { className: "caption num", textContent: caption(print) }));
  $("img", button).loading = "lazy";
  if (print.films.length) wake(button, print);
  button.dataset.id = print.id;
  button.addEventListener("click", () => choose([print.id], !chosen.has(print.id)));
  button.addEventListener("focus", () => rove(button));
  button.addEventListener("dblclick", () => show(prints.indexOf(print)));
  return el("li", {}, button);
}

/** One print at a time is in the order of Tab; arrows walk the others. @param {HTMLElement} to */
function rove(to) {
  for (const one of cells()) one.tabIndex = one === to ? 0 : -1;
}

function draw() {
  const old = new Map([...grid.children].map((node) => [$(".pick", node).dataset.id, node]));
  grid.replaceChildren(...prints.map((print) => old.get(print.id) ?? cell(print)));
  if (!cells().some((one) => one.tabIndex === 0) && cells()[0]) rove(cells()[0]);
  $("#since").textContent = prints.length ? say.likes(prints.length, since) : "";
  $("#nothing").hidden = prints.length > 0;
  bar();
}

function bar() {
  $("#bar").hidden = !chosen.size && !taken.length;
  $("#count").textContent = chosen.size ? say.chosen(chosen.size) : say.tookBack(taken.length);
  for (const id of ["look-button", "download", "take-back", "clear"]) $(`#${id}`).hidden = !chosen.size;
  $("#put-back").hidden = chosen.size > 0;
}

/** @param {Iterable<string>} ids @param {boolean} on */
function choose(ids, on) {
  taken = [];
  for (const id of [...ids]) {
    chosen[on ? "add" : "delete"](id);
    const button = $(`[data-id="${CSS.escape(id)}"]`, grid);
    button.ariaPressed = String(on);
    for (const old of button.querySelectorAll(".pencil")) old.remove();
    if (on) $(".frame", button).append(...pencil(0.5, prints.find((print) => print.id === id)?.number ?? 0));
  }
  bar();
}

/** Prints go from the sheet at once; the focus moves to the next neighbour. */
function takeBack() {
  const at = prints.findIndex((print) => chosen.has(print.id));
  taken = prints.filter((print) => chosen.has(print.id));
  prints = prints.filter((print) => !chosen.has(print.id));
  chosen.clear();
  for (const print of taken) box.post({ kind: "undo", key: stamp(), id: print.rating_id });
  memory.forget(taken.map((print) => print.rating_id));
  draw();
  const neighbour = cells()[Math.min(at, prints.length - 1)];
  (neighbour ?? $("#put-back")).focus();
}

/** Like them again, as much as before. */
function putBack() {
  const back = taken.length;
  for (const print of taken) box.post({ kind: "rate", key: stamp(), item: print.id, rating: print.rating });
  prints = [...prints, ...taken].sort((a, b) => b.rated.localeCompare(a.rated));
  taken = [];
  draw();
  cells()[0]?.focus();
  $("#since").textContent = `${say.likes(prints.length, since)}. ${say.likedAgain(back)}.`;
}

/** Copies come one after the other, each with its origin inside. */
async function download() {
  for (const print of prints.filter((one) => chosen.has(one.id))) {
    el("a", { href: api.copy(print.id), download: "" }).click();
    await new Promise((done) => setTimeout(done, 300)); // together, browsers keep only the last
  }
}

/** One print, large. @param {number} at */
function show(at) {
  const print = prints[at];
  if (!print) return;
  large = at;
  $("#large").src = print.url;
  $("#large").alt = print.alt;
  $("#large").hidden = print.films.length > 0;
  project(print.films.length ? print : null);
  for (const one of [$("#large"), $("#large-film")]) one.classList.toggle("blurred", print.blurred);
  $("#show-button").hidden = !print.blurred;
  $("#large-words").textContent = `${say.number(print.number)}. ${print.alt}`;
  $("#earlier").disabled = at === 0;
  $("#later").disabled = at === prints.length - 1;
  open(look);
}

/** Show a video large, or none. @param {Print | null} print */
function project(print) {
  const screen = $("#large-film");
  screen.hidden = !print;
  screen.replaceChildren(...(print ? film(print).childNodes : []));
  screen.muted = true;
  screen.ariaLabel = print?.alt ?? null;
  screen.poster = print?.url ?? "";
  screen.load();
  $("#play-button").hidden = !print;
  roll(Boolean(print) && !still.matches);
}

/** Let the large video play, or rest. @param {boolean} on */
function roll(on) {
  if (on) void $("#large-film").play().catch(() => roll(false)); // a browser may refuse to
  else $("#large-film").pause();
  $("#play-button").textContent = on ? say.pause : say.play;
}

async function load() {
  try {
    const answer = await api.likes();
    prints = answer.items.sort((a, b) => b.rated.localeCompare(a.rated));
    since = answer.since;
  } catch (error) {
    if (!(error instanceof api.Away)) throw error;
    $("#nothing-text").textContent = say.likesAway;
  }
  draw();
}

$("#clear").addEventListener("click", () => {
  choose(chosen, false);
  cells().find((one) => one.tabIndex === 0)?.focus();
});
$("#take-back").addEventListener("click", takeBack);
$("#put-back").addEventListener("click", putBack);
$("#download").addEventListener("click", download);
$("#look-button").addEventListener("click", () => show(prints.findIndex((print) => chosen.has(print.id))));
$("#earlier").addEventListener("click", () => show(large - 1));
$("#later").addEventListener("click", () => show(large + 1));
$("#play-button").addEventListener("click", () => roll($("#large-film").paused));
$("#show-button").addEventListener("click", () => {
  for (const one of [$("#large"), $("#large-film")]) one.classList.remove("blurred");
  $("#show-button").hidden = true;
});
look.addEventListener("close", () => project(null));
look.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(large - 1);
  if (event.key === "ArrowRight") show(large + 1);
});

addEventListener("keydown", (event) => {
  const act = meaning(event, lettersOn());
  if (act === "close") choose(chosen, false);
  if (act === "feed") location.assign("/");
  const all = cells(), here = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const across = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: here + across, ArrowUp: here - across, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || !all[to]) return;
  event.preventDefault();
  all[to].focus();
});

sheets();
void box.deliver();
void load();
