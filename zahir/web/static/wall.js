/**
 * The pictures on the wall: the one that hangs, the next one painted under it, the one that leaves.
 *
 * The next picture lies decoded beneath the present one, so that taking the present one away is all a swap needs.
 * Knows nothing of ratings.
 *
 * @typedef {{id: string, url: string, alt: string}} Picture
 */

import { el } from "./dom.js";

const AWAY = 24; // px that a rated picture travels while it fades
const CALM = 280; // ms
const SETTLE = "cubic-bezier(.2, .7, .2, 1)";
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** @param {HTMLElement} figure */
export function wall(figure) {
  /** @type {Map<string, HTMLImageElement>} */
  const prints = new Map();
  /** @type {Map<HTMLImageElement, Animation>} */
  const leaving = new Map();
  /** @type {HTMLImageElement | null} */
  let now = null;
  let dragged = 0;

  /** Load and decode; rejects when the file is missing or cannot be read. @param {Picture} picture */
  async function prepare(picture) {
    const img = prints.get(picture.id) ?? el("img", { src: picture.url, alt: "", draggable: false });
    await img.decode();
    prints.set(picture.id, img);
  }

  /** @param {HTMLImageElement} img @param {number} side */
  function leave(img, side) {
    const from = dragged;
    drag(0, img);
    if (still.matches) return img.remove();
    const ghost = img.animate(
      [
        { opacity: 1, transform: `translateX(${from}px)` },
        { opacity: 0, transform: `translateX(${from + side * AWAY}px) scale(.985)` },
      ],
      { duration: CALM, easing: SETTLE },
    );
    leaving.set(img, ghost);
    ghost.onfinish = () => {
      leaving.delete(img);
      img.remove();
    };
  }

  /**
   * Hang a prepared picture, with the one after it beneath.
   * @param {Picture} picture @param {Picture | undefined} next
   * @param {number | null} side where the present one goes, 1 right, -1 left, 0 it fades; null: it goes at once
   * @returns {boolean} false while the picture is not prepared: what hangs stays
   */
  function hang(picture, next, side) {
    const img = prints.get(picture.id);
    if (!img) return false;
    const under = next && prints.get(next.id);
    leaving.get(img)?.cancel();
    leaving.delete(img);
    if (now && now !== img && side !== null) leave(now, side);
    for (const other of figure.querySelectorAll("img")) {
      if (other !== img && other !== under && !leaving.has(other)) other.remove();
    }
    // neither is moved when it is in its place: an element that moves is painted anew
    const order = [...figure.querySelectorAll("img")].filter((one) => !leaving.has(one));
    if (under && order[0] !== under) figure.prepend(under);
    if (order.at(-1) !== img) {
      const ghost = [...figure.children].find((one) => leaving.has(/** @type {HTMLImageElement} */ (one)));
      figure.insertBefore(img, ghost ?? null);
    }
    if (under) hide(under, true);
    hide(img, false);
    img.alt = picture.alt;
    now = img;
    return true;
  }

  /** @param {HTMLImageElement} img @param {boolean} hidden */
  function hide(img, hidden) {
    img.id = hidden ? "" : "now";
    img.ariaHidden = hidden ? "true" : null;
    if (hidden) img.alt = "";
  }

  /** Shift the present picture with the finger. @param {number} dx px */
  function drag(dx, img = now) {
    dragged = dx;
    if (img) img.style.transform = dx ? `translateX(${dx}px)` : "";
  }

  /** The finger let go and nothing was meant: settle back. */
  function settle() {
    const from = dragged;
    drag(0);
    if (from && !still.matches) {
      now?.animate([{ transform: `translateX(${from}px)` }, { transform: "none" }], { duration: CALM, easing: SETTLE });
    }
  }

  /** Forget all but these. @param {Set<string>} ids */
  function keep(ids) {
    for (const id of prints.keys()) if (!ids.has(id)) prints.delete(id);
  }

  /** @returns {"wide" | "tall" | "square"} the shape that pictures are asked for */
  function shape() {
    const ratio = figure.clientWidth / Math.max(1, figure.clientHeight);
    return ratio > 1.12 ? "wide" : ratio < 0.89 ? "tall" : "square";
  }

  return { prepare, hang, drag, settle, keep, shape, has: (/** @type {string} */ id) => prints.has(id) };
}
