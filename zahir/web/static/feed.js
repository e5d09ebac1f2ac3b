/** The feed's page: which key, finger or word does what. What is done is in visit.js. */

import * as api from "./api.js";
import { dials } from "./dials.js";
import { $, el } from "./dom.js";
import { press, swipe } from "./hands.js";
import { lettersOn, meaning } from "./keys.js";
import * as making from "./making.js";
import * as memory from "./memory.js";
import * as more from "./more.js";
import * as reason from "./reason.js";
import { open, settings, sheets } from "./sheets.js";
import { say } from "./strings.en.js";
import * as visit from "./visit.js";

/** @typedef {import("./visit.js").Grade} Grade */

function why(show = $("#why").hidden) {
  const item = visit.present();
  if (show && !item) return;
  $("#why").hidden = !show;
  $("#strip").hidden = show;
  $("#because").ariaExpanded = String(show);
  if (show && item) void reason.why(item);
}

/** Only the picture, and back. */
function alone(on = !document.body.classList.contains("alone")) {
  document.body.classList.toggle("alone", on);
  visit.announce(on ? say.alone : say.together);
}

function close() {
  if (document.body.classList.contains("alone")) alone(false);
  else why(false);
}

function copy() {
  const item = visit.present();
  if (!item) return;
  el("a", { href: api.copy(item.id), download: "" }).click();
  visit.remark(say.copied(visit.number()));
}

function made() {
  const item = visit.present();
  if (!item) return;
  void reason.made(item);
  open($("#made"));
}

/** @param {"strength" | "surprise"} name @param {1 | -1} by */
const nudge = (name, by) => visit.announce(say.turned(name, dial.nudge(name, by)));

const dial = dials(visit.turn);

/** @type {Record<string, () => void>} */
const acts = {
  love: () => visit.rate("love"), like: () => visit.rate("like"), neither: () => visit.rate("neither"),
  dislike: () => visit.rate("dislike"), hate: () => visit.rate("hate"),
  undo: visit.undo, why, alone, copy, play: visit.play, close, keys: () => open($("#keys")),
  weaker: () => nudge("strength", -1), stronger: () => nudge("strength", 1),
  calmer: () => nudge("surprise", -1), wilder: () => nudge("surprise", 1),
  likes: () => location.assign("/likes"), feed: () => {},
};

addEventListener("keydown", (event) => {
  const act = document.querySelector("dialog[open]") ? null : meaning(event, lettersOn()); // a sheet's keys are its own
  if (!act) return;
  event.preventDefault();
  acts[act]?.();
});

for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-grade]"))) {
  const { grade, strong = grade } = button.dataset;
  press(button, (event, long) => {
    const loud = long || /** @type {MouseEvent} */ (event).shiftKey;
    visit.rate(/** @type {Grade} */ (loud ? strong : grade));
  });
}
// after a pointer's click the focus goes, or Space would repeat that button instead of meaning Neither
addEventListener("click", (event) => {
  const at = /** @type {Element} */ (event.target);
  if (event.detail && !at.closest("dialog")) at.closest("button")?.blur();
});

swipe($("#picture"), {
  moved: visit.drag,
  done: (side) => {
    if (side && visit.present()) visit.rate(side > 0 ? "like" : "dislike");
    else visit.drag(null);
  },
});

$("#undo-button").addEventListener("click", visit.undo);
$("#because").addEventListener("click", () => why());
$("#play-button").addEventListener("click", visit.play);
$("#show-button").addEventListener("click", visit.reveal);
$("#made-button").addEventListener("click", made);
$("#keys-button").addEventListener("click", acts.keys);
$("#dials-button").addEventListener("click", () => {
  $("#dials-button").ariaExpanded = String(document.body.classList.toggle("dialling"));
});

/** In the column Like comes first, in the thumb's row it is at the right: the source follows, and so does the focus. */
function turnRow() {
  const order = visit.narrow.matches ? ["dislike", "neither", "like"] : ["like", "neither", "dislike"];
  $("#rate").append(...order.map((name) => $(`[data-grade=${name}]`)));
  visit.draw();
}
visit.narrow.addEventListener("change", turnRow);

visit.onHang((item) => {
  if (!$("#why").hidden && $("#why").dataset.item !== item.id) void reason.why(item);
});
memory.shared(() => visit.catchUp(dial.set));
addEventListener("pageshow", (event) => event.persisted && visit.catchUp(dial.set));

sheets();
settings();
more.more(visit.begunAnew);
turnRow();
void visit.catchUp(dial.set);
void visit.begin();
void making.watch((now) => {
  visit.told(now);
  more.told(now);
});
