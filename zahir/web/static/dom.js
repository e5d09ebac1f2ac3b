/** Small builders that every page uses. Knows the marks, and nothing of ratings' delivery or of any one page. */

import { say } from "./strings.en.js";

const SVG = "http://www.w3.org/2000/svg";

/** The one element that matches. @param {string} selector @returns {any} */
export function $(selector, root = /** @type {ParentNode} */ (document)) {
  const node = root.querySelector(selector);
  if (!node) throw new Error(`nothing on this page matches ${selector}`);
  return node;
}

/** @param {string} tag @param {Record<string, unknown>} [props] @param {(Node | string)[]} children @returns {any} */
export function el(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

/** @param {string} tag @param {Record<string, string | number>} [attributes] @param {Node[]} children */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** One of the marks in marks.svg. @param {string} name @param {string} [className] */
export const mark = (name, className = "icon") =>
  svg("svg", { class: className, "aria-hidden": "true" }, svg("use", { href: `/static/marks.svg#${name}` }));

/** What a rating is called. @param {number} rating in [-1, 1] @returns {"love" | "like" | "neither" | "dislike" | "hate"} */
export function grade(rating) {
  if (rating === 0) return "neither";
  if (rating > 0) return rating > 0.75 ? "love" : "like";
  return rating < -0.75 ? "hate" : "dislike";
}

/** What the pencil draws on a print: a ring, a stroke, either of them twice, or nothing. @param {number} rating @param {number} hand */
export function pencil(rating, hand) {
  const ring = (/** @type {number} */ k, /** @type {string} */ more) => mark(`loop${k % 3}`, `pencil ${more}`);
  return {
    love: [ring(hand, ""), ring(hand + 1, "again")],
    like: [ring(hand, "")],
    neither: [],
    dislike: [mark("strike", "pencil no")],
    hate: [mark("strike", "pencil no"), mark("strike", "pencil no back")],
  }[grade(rating)];
}

/**
 * A video without sound, in the forms that browsers play; it rests on its first frame.
 * @param {{url: string, films?: string[]}} picture
 */
export const film = ({ url, films = [] }) =>
  el("video", { poster: url, muted: true, loop: true, playsInline: true, preload: "auto", disablePictureInPicture: true },
    ...films.map((src) => el("source", { src, type: `video/${src.includes(".webm") ? "webm" : "mp4"}` })));

/**
 * A print as a frame of the contact sheet; a video is there with its first frame.
 * @param {{url: string, alt: string, blurred?: boolean}} picture @param {number} [rating] @param {number} [hand] which of three hands draws
 */
export function frame(picture, rating = 0, hand = 0) {
  const img = el("img", { src: picture.url, alt: picture.alt, width: 480, height: 480, decoding: "async" });
  const node = el("span", { className: picture.blurred ? "frame blurred" : "frame" }, img, ...pencil(rating, hand));
  img.addEventListener("error", () => {
    node.dataset.missing = say.missing;
    node.classList.add("missing");
  });
  return node;
}
