/** The feed: joins the state, the wall, the label, the outbox and the hands. Each of them is in a file of its own. */

import * as api from "./api.js";
import { dials } from "./dials.js";
import { $ } from "./dom.js";
import * as feeds from "./feed-state.js";
import { press, swipe } from "./hands.js";
import { lettersOn, meaning } from "./keys.js";
import { because, label, stamp as stampButton } from "./label.js";
import * as memory from "./memory.js";
import { stamp } from "./outbox.js";
import { post, wait } from "./post.js";
import * as reason from "./reason.js";
import { open, settings, sheets } from "./sheets.js";
import { say } from "./strings.en.js";
import { wall } from "./wall.js";

const RATINGS = { love: 1, like: 0.5, neither: 0, dislike: -0.5, hate: -1 };
/** @typedef {keyof typeof RATINGS} Grade */

const phone = matchMedia("(max-width: 52rem) and (max-aspect-ratio: 6/5)");
const pictures = wall($("#picture"));
const seen = memory.seen();
let feed = feeds.begin({ past: memory.past() });
let note = ""; // what the undo row says instead of the latest rating
let away = false; // the server could not be reached
let kept = 0; // ratings that had to wait for it
let asking = false;

const box = post(({ letter, reply, refused, away: gone }) => {
  away = Boolean(gone);
  if (gone) {
    kept = Math.max(kept, waiting());
  } else if (letter.kind === "rate") {
    feed = refused ? feeds.refused(feed, letter.key) : feeds.delivered(feed, letter.key, reply);
    if (refused) note = say.refused(refused.message);
    memory.keep(feed);
    void fill();
  } else if (letter.kind === "dials") {
    change(feeds.retune(feed), null);
  }
  if (!gone && kept && waiting() <= (letter.kind === "rate" ? 1 : 0)) {
    note = say.delivered(kept);
    announce(note);
    kept = 0;
  }
  draw();
});

/** Ratings that the server has not confirmed. */
const waiting = () => box.letters().filter((letter) => letter.kind === "rate" && !letter.undone).length;

/** @param {string} text */
function announce(text) {
  $("#news").textContent = text;
}

function draw() {
  const offline = phone.matches ? say.offlineShort : say.offline;
  label(feed, away && kept ? offline(waiting()) : note);
}

/**
 * Take a step: hang what now comes first, draw, remember, and see that enough follows.
 * @param {feeds.Feed} next @param {number | null} side where the present picture leaves to; null: at once
 */
function change(next, side) {
  feed = next;
  const [item, after] = feed.queue;
  if (item && pictures.hang(item, after, side)) painted(item);
  pictures.keep(new Set([...feed.queue, ...feed.coming, ...feed.spare, ...feed.past.map((rated) => rated.item)].map((one) => one.id)));
  draw();
  memory.keep(feed);
  if (item && !$("#why").hidden && $("#why").dataset.item !== item.id) void reason.why(item);
  if (feed.queue.length + feed.coming.length < feeds.AHEAD) void fill();
}

/** An exposure is logged when the picture is on the screen, once in a visit. @param {api.Item} item */
function painted(item) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    if (feeds.onWall(feed)?.id !== item.id || seen.has(item.id)) return;
    box.post({ kind: "seen", key: stamp(), item: item.id, slot: item.slot, position: seen.size });
    seen.add(item.id);
    memory.keepSeen(seen);
  }));
}

/** Load and decode what is coming; each joins the queue when it is ready. @param {api.Item[]} items */
async function load(items) {
  await Promise.all(items.map(async (item) => {
    const fine = await pictures.prepare(item).then(() => true, () => false);
    const empty = !feed.queue.length;
    change((fine ? feeds.ready : feeds.lost)(feed, item.id), empty && feed.past.length ? 0 : null);
    if (fine && empty) announce(`${say.number(feeds.number(feed))}: ${item.alt}`);
  }));
}

/** Ask for as many pictures as are wanted; while the server is away, hang what was set aside and go on asking. */
async function fill() {
  if (asking) return;
  asking = true;
  try {
    for (let fails = 0; feeds.wanted(feed); ) {
      let items = /** @type {api.Item[]} */ ([]);
      try {
        items = await api.next(feeds.wanted(feed), pictures.shape(), feeds.known(feed));
      } catch (error) {
        if (!(error instanceof api.Away)) throw error;
      }
      const before = feed.coming.length;
      feed = feeds.arriving(feed, items);
      if (feed.coming.length > before) await load(feed.coming.slice(before));
      else {
        change(feeds.fromShelf(feed), 0);
        await wait(Math.min(2, 0.25 * 2 ** fails++));
      }
    }
  } finally {
    asking = false;
  }
}

/** @param {Grade} given */
function rate(given) {
  const item = feeds.onWall(feed);
  if (!item || !pictures.has(item.id)) return announce(say.waiting);
  const rating = RATINGS[given], key = stamp(), n = feeds.number(feed);
  note = "";
  box.post({ kind: "rate", key, item: item.id, rating });
  if (away) kept = Math.max(kept, waiting());
  change(feeds.rate(feed, rating, key), Math.sign(rating));
  stampButton(given);
  const after = feeds.onWall(feed), what = say.rated[given]?.(n) ?? "";
  announce(after ? say.news(what, feeds.number(feed), after.alt, because(feed)) : `${what}. ${say.waiting}`);
}

function undo() {
  const last = feed.past.at(-1);
  if (!last) return announce(say.nothingToUndo);
  if (!box.recall(last.key)) {
    if (last.id === undefined) return announce(say.nothingToUndo); // on its way at this very moment, from another tab
    box.post({ kind: "undo", key: stamp(), id: last.id });
  }
  const { item } = last;
  note = say.undone(last.number);
  stampButton(null);
  change(feeds.undo(feed), null);
  announce(`${note}. ${item.alt}`);
  if (pictures.has(item.id)) return;
  void pictures.prepare(item).then(() => change(feed, null), () => change(feeds.lost(feed, item.id), null)); // after a reload
}

function why(show = $("#why").hidden) {
  const item = feeds.onWall(feed);
  if (show && !item) return;
  $("#why").hidden = !show;
  $("#strip").hidden = show;
  $("#because").ariaExpanded = String(show);
  if (show && item) void reason.why(item);
}

/** Only the picture, and back. @param {boolean} on */
function alone(on) {
  document.body.classList.toggle("alone", on);
  announce(on ? say.alone : say.together);
}

function copy() {
  const item = feeds.onWall(feed);
  if (!item) return;
  const link = document.createElement("a");
  link.href = api.copy(item.id);
  link.download = "";
  link.click();
  note = say.copied(feeds.number(feed));
  announce(note);
  draw();
}

function made() {
  const item = feeds.onWall(feed);
  if (!item) return;
  void reason.made(item);
  open($("#made"));
}

/** What the server counts; the dials as they were left. */
async function recount() {
  const taste = await api.taste();
  const letters = box.letters();
  const undone = letters.filter((letter) => letter.kind === "undo").length;
  feed = feeds.counted(feed, taste.ratings, waiting() - undone, taste.calibration.of);
  if (!letters.some((letter) => letter.kind === "dials")) dial.set(taste.dials);
  draw();
}

const dial = dials((turned) => box.post({ kind: "dials", key: "dials", ...turned }));

/** @type {Record<string, () => void>} */
const acts = {
  love: () => rate("love"), like: () => rate("like"), neither: () => rate("neither"),
  dislike: () => rate("dislike"), hate: () => rate("hate"),
  undo, copy, why: () => why(), keys: () => open($("#keys")),
  alone: () => alone(!document.body.classList.contains("alone")),
  close: () => (document.body.classList.contains("alone") ? alone(false) : why(false)),
  weaker: () => dial.nudge("strength", -1), stronger: () => dial.nudge("strength", 1),
  calmer: () => dial.nudge("surprise", -1), wilder: () => dial.nudge("surprise", 1),
  likes: () => location.assign("/likes"), feed: () => {},
};

addEventListener("keydown", (event) => {
  const act = meaning(event, lettersOn());
  if (!act) return;
  event.preventDefault();
  acts[act]?.();
});

for (const button of document.querySelectorAll("[data-grade]")) {
  const { grade: usual, strong = usual } = /** @type {HTMLElement} */ (button).dataset;
  press(/** @type {HTMLElement} */ (button), (event, long) => {
    const loud = long || /** @type {MouseEvent} */ (event).shiftKey;
    rate(/** @type {Grade} */ (loud ? strong : usual));
  });
}
// after a pointer's click the focus goes, or Space would repeat that button instead of meaning Neither
addEventListener("click", (event) => {
  if (event.detail) /** @type {Element} */ (event.target).closest("button")?.blur();
});

swipe($("#picture"), {
  moved: (dx) => pictures.drag(feeds.onWall(feed) ? dx : 0),
  done: (side) => {
    if (side && feeds.onWall(feed)) rate(side > 0 ? "like" : "dislike");
    else pictures.settle();
  },
});

$("#undo-button").addEventListener("click", undo);
$("#because").addEventListener("click", () => why());
$("#made-button").addEventListener("click", made);
$("#keys-button").addEventListener("click", acts.keys);
$("#dials-button").addEventListener("click", () => {
  const on = document.body.classList.toggle("dialling");
  $("#dials-button").ariaExpanded = String(on);
});

/** In the column Like comes first, in the thumb's row it is at the right: the source follows, and so does the focus. */
function turnRow() {
  const order = phone.matches ? ["dislike", "neither", "like"] : ["like", "neither", "dislike"];
  $("#rate").append(...order.map((name) => $(`[data-grade=${name}]`)));
}
phone.addEventListener("change", turnRow);
phone.addEventListener("change", draw);

/** Take over what was rated or taken back elsewhere: in another tab, or on another page before one came back here. */
function catchUp() {
  feed = { ...feed, past: memory.past() };
  void recount();
}
memory.shared(catchUp);
addEventListener("pageshow", (event) => event.persisted && catchUp());

sheets();
settings();
turnRow();
draw();
feed = feeds.arriving(feed, memory.queue());
void load(feed.coming.slice(0, 1)).then(() => load(feed.coming)).then(fill); // after a reload the same picture hangs
void box.deliver();
void recount();
