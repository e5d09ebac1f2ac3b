/**
 * What a key means, if it means anything to us. Knows nothing of what is then done.
 *
 * Keys are ours only when nothing else has a claim on them: no modifier but Shift, no text field, no input method,
 * no repeat, no open sheet; a slider in focus keeps its arrows, a button or link its Space.
 */

const KEYS = {
  l: "like", ArrowRight: "like", " ": "neither", ArrowDown: "neither", a: "dislike", ArrowLeft: "dislike",
  u: "undo", w: "why", f: "alone", s: "copy", p: "play", "?": "keys", Escape: "close",
  "[": "weaker", "]": "stronger", "-": "calmer", "−": "calmer", "+": "wilder", "=": "wilder",
  1: "feed", 2: "likes",
};
/** Where a layout has no such letters, the place of the key counts. */
const PLACES = { KeyL: "l", KeyA: "a", KeyU: "u", KeyW: "w", KeyF: "f", KeyS: "s", KeyP: "p", BracketLeft: "[", BracketRight: "]" };
const STRONG = { like: "love", dislike: "hate" };

/** @param {{key: string, code?: string}} event */
function letter({ key, code = "" }) {
  const small = key.length === 1 ? key.toLowerCase() : key;
  if (small in KEYS || key.length > 1 || key.charCodeAt(0) < 128) return small;
  return /** @type {Record<string, string>} */ (PLACES)[code] ?? small;
}

/**
 * @param {KeyboardEvent} event
 * @param {boolean} [letters] whether keys that write a character act (WCAG 2.1.4 wants them to be switched off)
 * @returns {string | null} love, like, neither, dislike, hate, undo, why, alone, copy, play, keys, close, weaker, stronger,
 *   calmer, wilder, feed or likes
 */
export function meaning(event, letters = true) {
  const at = /** @type {Element} */ (event.target);
  if (event.defaultPrevented || event.isComposing || event.repeat || event.altKey) return null;
  if (at.closest("dialog, input:not([type=range]), textarea, select, [contenteditable]")) return null;
  const key = letter(event);
  if (event.ctrlKey || event.metaKey) return key === "z" && !event.shiftKey ? "undo" : null;
  if (at.closest("input") && /^(Arrow|Home|End|Page)/.test(key)) return null;
  if (at.closest("button, a") && key === " ") return null;
  if (!letters && key.length === 1 && key !== " ") return null;
  const act = /** @type {Record<string, string>} */ (KEYS)[key] ?? null;
  return event.shiftKey ? (/** @type {Record<string, string>} */ (STRONG)[act ?? ""] ?? act) : act;
}

const LETTERS = "zahir.letters";
/** Whether the person lets letter keys act. */
export const lettersOn = () => localStorage.getItem(LETTERS) !== "off";
/** @param {boolean} on */
export const setLetters = (on) => localStorage.setItem(LETTERS, on ? "on" : "off");
