/**
 * The pictures and videos on the wall: the one that hangs, the next one painted under it, the one that leaves.
 *
 * The next picture lies decoded beneath the present one, so that taking the present one away is all a swap needs.
 * A video plays while it hangs and is seen; where motion is not wanted it rests on its first frame until asked.
 * Knows nothing of ratings.
 *
 * @typedef {{id: string, url: string, films?: string[], blurred?: boolean, alt: string}} Picture
 * @typedef {HTMLImageElement | HTMLVideoElement} Node
 */

import { el, film } from "./dom.js";

const AWAY = 24; // px that a rated picture travels while it fades
const CALM = 280; // ms
const SETTLE = "cubic-bezier(.2, .7, .2, 1)";
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether a print is loaded, and can be painted at once; rejects when no form of it can be. @param {Node} node */
function loaded(node) {
  if (node instanceof HTMLImageElement) return node.decode();
  if (node.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return Promise.resolve();
  return new Promise((done, failed) => {
    node.addEventListener("loadeddata", done, { once: true });
    node.querySelector("source:last-of-type")?.addEventListener("error", failed, { once: true });
    node.addEventListener("error", failed, { once: true });
    node.load();
  });
}

/** @param {HTMLElement} figure */
export function wall(figure) {
  /** @type {Map<string, Node>} */
  const prints = new Map();
  /** @type {Map<Element, Animation>} */
  const leaving = new Map();
  /** @type {Node | null} */
  let now = null;
  let dragged = 0;
  let seen = true; // whether the wall is on the screen
  /** @type {boolean | null} whether the person said that videos play, or rest; null: they said nothing */
  let asked = null;

  /** Load and decode; rejects when the file is missing or cannot be read. @param {Picture} picture */
  async function prepare(picture) {
    const print = prints.get(picture.id)
      ?? (picture.films?.length ? film(picture) : el("img", { src: picture.url, alt: "", draggable: false }));
    print.classList.toggle("blurred", Boolean(picture.blurred));
    await loaded(print);
    prints.set(picture.id, print);
  }

  /** @returns {Node[]} */
  const hanging = () => [...figure.querySelectorAll(/** @type {"img"} */ ("img, video"))];

  /** @param {Node} print @param {number} side */
  function leave(print, side) {
    const from = dragged;
    drag(0, print);
    if (still.matches) return print.remove();
    const ghost = print.animate(
      [
        { opacity: 1, transform: `translateX(${from}px)` },
        { opacity: 0, transform: `translateX(${from + side * AWAY}px) scale(.985)` },
      ],
      { duration: CALM, easing: SETTLE },
    );
    leaving.set(print, ghost);
    ghost.onfinish = () => {
      leaving.delete(print);
      print.remove();
    };
  }

  /**
   * Hang a prepared picture, with the one after it beneath.
   * @param {Picture} picture @param {Picture | undefined} next
   * @param {number | null} side where the present one goes, 1 right, -1 left, 0 it fades; null: it goes at once
   * @returns {boolean} false while the picture is not prepared: what hangs stays
   */
  function hang(picture, next, side) {
    const print = prints.get(picture.id);
    if (!print) return false;
    const under = next && prints.get(next.id);
    leaving.get(print)?.cancel();
    leaving.delete(print);
    if (now && now !== print && side !== null) leave(now, side);
    for (const other of hanging()) {
      if (other !== print && other !== under && !leaving.has(other)) other.remove();
    }
    // neither is moved when it is in its place: an element that moves is painted anew
    const order = hanging().filter((one) => !leaving.has(one));
    if (under && order[0] !== under) figure.prepend(under);
    if (order.at(-1) !== print) {
      const ghost = [...figure.children].find((one) => leaving.has(one));
      figure.insertBefore(print, ghost ?? null);
    }
    if (under) hide(under, true);
    hide(print, false);
    name(print, picture.alt);
    now = print;
    move();
    return true;
  }

  /** @param {Node} print @param {string} alt */
  function name(print, alt) {
    if (print instanceof HTMLImageElement) print.alt = alt;
    else if (alt) print.ariaLabel = alt;
  }

  /** @param {Node} print @param {boolean} hidden */
  function hide(print, hidden) {
    print.id = hidden ? "" : "now";
    print.ariaHidden = hidden ? "true" : null;
    if (hidden) name(print, "");
  }

  /** Let the video that hangs play, if it should, and all others rest. */
  function move() {
    for (const one of hanging()) {
      if (one instanceof HTMLImageElement) continue;
      if (one === now && playing()) void one.play().catch(() => {}); // a browser may refuse to; it rests then
      else one.pause();
    }
  }

  /** Whether the video that hangs plays; null where a picture hangs. */
  const moving = () => (now instanceof HTMLVideoElement ? asked ?? !still.matches : null);

  const playing = () => Boolean(moving()) && seen && !document.hidden;

  /** Let videos rest, or play again. */
  function toggle() {
    asked = !moving();
    move();
  }

  document.addEventListener("visibilitychange", move);
  still.addEventListener("change", move);
  new IntersectionObserver(([entry]) => {
    seen = Boolean(entry?.isIntersecting);
    move();
  }).observe(figure);

  /** Show what hangs without its blur, for as long as it hangs. */
  const reveal = () => now?.classList.remove("blurred");

  /** Shift the present picture with the finger. @param {number} dx px */
  function drag(dx, print = now) {
    dragged = dx;
    if (print) print.style.transform = dx ? `translateX(${dx}px)` : "";
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

  return {
    prepare, hang, drag, settle, keep, shape, moving, toggle, reveal,
    has: (/** @type {string} */ id) => prints.has(id),
  };
}
