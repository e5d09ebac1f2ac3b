/**
 * One visit to the feed: joins the state, the wall, the label and the outbox. Knows nothing of keys and hands.
 *
 * Whatever is rated counts here at once, and travels to the server when it can.
 */

import * as api from "./api.js";
import { $ } from "./dom.js";
import * as feeds from "./feed-state.js";
import { because, label, stamp as stampButton } from "./label.js";
import { hurry } from "./making.js";
import * as memory from "./memory.js";
import { stamp } from "./outbox.js";
import { post, wait } from "./post.js";
import { say } from "./strings.en.js";
import { wall } from "./wall.js";

const RATINGS = { love: 1, like: 0.5, neither: 0, dislike: -0.5, hate: -1 };
/** @typedef {keyof typeof RATINGS} Grade */

/** A screen on which the label lies under the picture; feed.css says the same. */
export const narrow = matchMedia("(max-width: 52rem) and (max-aspect-ratio: 6/5)");

const pictures = wall($("#picture"));
const seen = memory.seen();
let feed = feeds.begin({ past: memory.past(), ratings: memory.past().at(-1)?.number ?? 0 });
let note = ""; // what the undo row says instead of the latest rating
let away = false; // the server could not be reached
let kept = 0; // ratings that had to wait for it
let asking = false;
/** @type {api.Making | null} */
let slow = null; // what takes long, and how far it is
/** @type {Set<string>} */
const shown = new Set(); // ids of blurred pictures that were asked for
/** @type {(item: api.Item) => void} */
let heard = () => {};

const box = post(({ letter, reply, refused, away: gone }) => {
  away = Boolean(gone);
  if (gone) kept = Math.max(kept, waiting());
  else if (letter.kind === "rate") {
    feed = refused ? feeds.refused(feed, letter.key) : feeds.delivered(feed, letter.key, reply);
    if (refused) note = say.refused(refused.message);
    memory.keep(feed);
    void fill(); // now that the server knows more
  } else if (letter.kind === "dials") change(feeds.retune(feed), null);
  if (!gone && kept && waiting() <= (letter.kind === "rate" ? 1 : 0)) {
    remark(say.delivered(kept));
    kept = 0;
  }
  draw();
});

/** Ratings that the server has not confirmed. */
const waiting = () => box.letters().filter((letter) => letter.kind === "rate" && !letter.undone).length;

/** What a screen reader says, politely. @param {string} text */
export function announce(text) {
  $("#news").textContent = text;
}

/** Say something in the undo row until the next rating. @param {string} text */
export function remark(text) {
  note = text;
  announce(text);
  draw();
}

/** What stands beside the number: the filter's doubt, how far the next one is, or a new look at the library. */
function aside() {
  const item = feeds.onWall(feed);
  if (item?.blurred && !shown.has(item.id)) return say.blurred;
  if (slow?.state === "working" && (slow.of ?? 0) > 1) return say.step(slow.done ?? 0, slow.of ?? 0);
  const library = narrow.matches ? say.libraryShort : say.library;
  return slow?.library ? library(slow.library.done, slow.library.of) : "";
}

export function draw() {
  const offline = narrow.matches ? say.offlineShort : say.offline;
  const said = away && kept ? offline(waiting()) : note;
  label(feed, said, said && narrow.matches ? "" : aside());
  const item = present(), moving = pictures.moving();
  $("#show-button").hidden = !item?.blurred || shown.has(item.id);
  $("#play-button").hidden = moving === null || !item;
  $("#play-button").textContent = moving ? say.pause : say.play;
}

/** How far what takes long has come. @param {api.Making} now */
export function told(now) {
  slow = now;
  draw();
}

/** Let a video rest, or play again. */
export function play() {
  if (pictures.moving() === null) return;
  pictures.toggle();
  draw();
  announce(pictures.moving() ? say.pause : say.play);
}

/** Show a blurred picture, this one time. */
export function reveal() {
  const item = present();
  if (!item) return;
  shown.add(item.id);
  pictures.reveal();
  draw();
}

/** Other pictures may be shown from now on: what waits here was chosen before. */
export function begunAnew() {
  memory.keep({ ...feed, queue: [], coming: [] });
  location.reload();
}

/** What hangs, and can be rated. @returns {api.Item | undefined} */
export function present() {
  const item = feeds.onWall(feed);
  return item && pictures.has(item.id) ? item : undefined;
}

/** The number of what hangs. */
export const number = () => feeds.number(feed);

/** Hear whenever another picture hangs. @param {(item: api.Item) => void} listener */
export function onHang(listener) {
  heard = listener;
}

/**
 * Take a step: hang what now comes first, draw, remember, and see that enough follows.
 * @param {feeds.Feed} next @param {number | null} side where the present picture leaves to; null: at once
 */
function change(next, side) {
  feed = next;
  const [item, after] = feed.queue;
  if (item && pictures.hang(item, after, side)) {
    painted(item);
    heard(item);
  }
  const here = [...feed.queue, ...feed.coming, ...feed.spare, ...feed.past.map((rated) => rated.item)];
  pictures.keep(new Set(here.map((one) => one.id)));
  draw();
  memory.keep(feed);
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
    if (fine && empty) announce(`${say.number(number())}: ${item.alt}`);
  }));
}

/** @template T @param {Promise<T>} asked @returns {Promise<T | null>} null while the server is away */
const orNull = (asked) => asked.catch((error) => {
  if (error instanceof api.Away) return null;
  throw error;
});

/** Ask for as many pictures as are wanted; when none come, hang what was set aside and go on asking. */
async function fill() {
  if (asking) return;
  asking = true;
  try {
    for (let fails = 0; feeds.wanted(feed); ) {
      const items = await orNull(api.next(feeds.wanted(feed), pictures.shape(), feeds.known(feed)));
      const before = feed.coming.length;
      feed = feeds.arriving(feed, items ?? []);
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

/** Rate what hangs. @param {Grade} given */
export function rate(given) {
  const item = present();
  if (!item) return announce(say.waiting);
  const key = stamp(), what = say.rated[given]?.(number()) ?? "";
  note = "";
  box.post({ kind: "rate", key, item: item.id, rating: RATINGS[given] });
  setTimeout(hurry, 1000); // by then the next one may have been begun
  if (away) kept = Math.max(kept, waiting());
  change(feeds.rate(feed, RATINGS[given], key), Math.sign(RATINGS[given]));
  stampButton(given);
  const after = feeds.onWall(feed);
  announce(after ? say.news(what, number(), after.alt, because(feed)) : `${what}. ${say.waiting}`);
}

/** Take the latest rating back, whether the server has it yet or not. */
export function undo() {
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
  void pictures.prepare(item).then(() => change(feed, null), () => change(feeds.lost(feed, item.id), null));
}

/** Shift what hangs with the finger; without a finger it settles back. @param {number | null} dx px */
export function drag(dx) {
  if (dx === null) pictures.settle();
  else if (present()) pictures.drag(dx);
}

/** Send where the dials were turned to. @param {api.Dials} dials */
export const turn = (dials) => box.post({ kind: "dials", key: "dials", ...dials });

/**
 * Begin, or take over what happened on another page meanwhile.
 * @param {(dials: api.Dials) => void} setDials hears where the dials were left
 */
export async function catchUp(setDials) {
  feed = { ...feed, past: memory.past() };
  let taste = await orNull(api.taste());
  for (let fails = 0; !taste; taste = await orNull(api.taste())) await wait(Math.min(5, 0.5 * 2 ** fails++));
  const letters = box.letters();
  const undone = letters.filter((letter) => letter.kind === "undo").length;
  feed = feeds.counted(feed, taste.ratings, waiting() - undone, taste.calibration.of);
  if (!letters.some((letter) => letter.kind === "dials")) setDials(taste.dials);
  draw();
}

/** Hang the first picture: after a reload the same one. */
export async function begin() {
  draw();
  feed = feeds.arriving(feed, memory.queue());
  void box.deliver();
  await load(feed.coming.slice(0, 1));
  await load(feed.coming);
  await fill();
}
