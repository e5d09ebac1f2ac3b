/** The label beside the picture: draws what the feed is, and decides nothing. */

import { $, el, frame, grade, mark, svg } from "./dom.js";
import { calibrated, number, onWall } from "./feed-state.js";
import { say } from "./strings.en.js";

/** @typedef {import("./feed-state.js").Feed} Feed */

const STRIP = 4;

/** The coin, its milled edge the progress: one arc for each calibration rating. @param {number} of */
function coin(of) {
  const arcs = Array.from({ length: of }, (_, k) => {
    const at = (/** @type {number} */ part) => {
      const turn = ((k + part) / of) * 2 * Math.PI - Math.PI / 2;
      return `${(17 * Math.cos(turn)).toFixed(2)} ${(17 * Math.sin(turn)).toFixed(2)}`;
    };
    return svg("path", { class: "tick", d: `M${at(0.14)}A17 17 0 0 1 ${at(0.86)}` });
  });
  const disc = svg("use", { href: "/static/marks.svg#coin", x: -13, y: -13, width: 26, height: 26 });
  return svg("svg", { viewBox: "-20 -20 40 40", "aria-hidden": "true" }, ...arcs, disc);
}

/** @param {Feed} feed */
function progress(feed) {
  const box = $("#coin"), done = calibrated(feed);
  box.hidden = done >= feed.of;
  if (box.hidden) return;
  if (box.querySelectorAll(".tick").length !== feed.of) box.replaceChildren(coin(feed.of));
  for (const [k, arc] of box.querySelectorAll(".tick").entries()) arc.classList.toggle("on", k < done);
}

/** The last four, newest right; prints that stay are not drawn again. @param {Feed} feed */
function strip(feed) {
  const box = $("#strip");
  const there = new Map([...box.children].map((node) => [node.dataset.key, node]));
  const shown = feed.past.slice(-STRIP).map((rated) => {
    if (there.has(rated.key)) return there.get(rated.key);
    const print = frame(rated.item, rated.rating, rated.number);
    print.querySelector("img").alt = `${say.rated[grade(rated.rating)]?.(rated.number)}: ${rated.item.alt}`;
    const figure = el("figure", {}, print, el("figcaption", { className: "caption num", ariaHidden: "true", textContent: rated.number }));
    figure.dataset.key = rated.key;
    return figure;
  });
  if (shown.length === box.children.length && shown.every((node, k) => node === box.children[k])) return;
  box.replaceChildren(...shown);
}

/** What was just done. @param {Feed} feed @param {string} note what to say instead of the latest rating, "" for nothing */
function undoRow(feed, note) {
  const last = feed.past.at(-1);
  $("#undo").classList.toggle("empty", !last && !note);
  $("#undo-button").hidden = !last;
  $("#undo-text").textContent = note || (last ? say.rated[grade(last.rating)]?.(last.number) : "");
  const print = $("#undo-frame");
  if (print.dataset.key === (last?.key ?? "")) return;
  print.dataset.key = last?.key ?? "";
  print.replaceChildren(...(last ? frame({ ...last.item, alt: "" }, last.rating, last.number).childNodes : []));
}

/** Why this picture is here, in one sentence. @param {Feed} feed */
export function because(feed) {
  const item = onWall(feed);
  if (!item) return feed.past.length ? say.waiting : say.beginning;
  if (item.slot === "shelf") return say.shelf;
  return feed.ratings === feed.of && feed.past.length ? say.calibrated : item.why;
}

/**
 * @param {Feed} feed @param {string} note what to say instead of the latest rating
 * @param {string} aside what to say quietly beside the number
 */
export function label(feed, note, aside) {
  progress(feed);
  strip(feed);
  undoRow(feed, note);
  const item = onWall(feed), done = calibrated(feed);
  $("#number").textContent = done < feed.of ? say.calibrating(done, feed.of) : say.number(number(feed));
  $("#step").textContent = aside;
  $("#undo").classList.toggle("brief", Boolean(aside));
  $("#because").textContent = because(feed);
  $("#because").disabled = !item;
  $("#made-button").textContent = item?.ai === false ? say.imported : item?.films?.length ? say.generatedVideo : say.generated;
}

/** The mark of the rating just given is drawn on its button. @param {string | null} given love, like, neither, dislike or hate */
export function stamp(given) {
  for (const button of document.querySelectorAll("[data-grade]")) {
    const { grade: usual, strong } = /** @type {HTMLElement} */ (button).dataset;
    const just = given === usual || (strong !== undefined && given === strong);
    button.classList.toggle("just", just);
    $("svg", button).replaceWith(mark(just && given ? given : usual ?? ""));
  }
}
