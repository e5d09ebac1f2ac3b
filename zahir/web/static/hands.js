/** Swipes and long presses. Knows nothing of what they mean. */

const FAR = 64; // px that a slow swipe takes
const FLICK = 32; // px that are enough in a flick
const FAST = 0.5; // px per ms that make a flick
const LONG = 500; // ms that make a press long

/** Whether a movement is a swipe: far enough, and twice as far across as down. @param {number} dx px @param {number} dy px @param {number} ms */
export function swiped(dx, dy, ms) {
  const far = Math.abs(dx) / Math.max(ms, 1) > FAST ? FLICK : FAR;
  return Math.abs(dx) >= far && Math.abs(dx) > 2 * Math.abs(dy) ? Math.sign(dx) : 0;
}

/**
 * Follow one finger or pen across an element.
 * @param {HTMLElement} node
 * @param {{moved: (dx: number) => void, done: (side: number, dx: number) => void}} heard `side` is 1 right, -1 left, 0 neither
 */
export function swipe(node, heard) {
  /** @type {{id: number, x: number, y: number, time: number} | null} */
  let start = null;
  const end = (/** @type {PointerEvent} */ event, /** @type {boolean} */ counts) => {
    if (!start || event.pointerId !== start.id) return;
    const dx = event.clientX - start.x, dy = event.clientY - start.y, ms = event.timeStamp - start.time;
    start = null;
    heard.done(counts ? swiped(dx, dy, ms) : 0, dx);
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse") return;
    if (start) {
      start = null; // a second finger: a pinch, not a swipe
      return heard.done(0, 0);
    }
    start = { id: event.pointerId, x: event.clientX, y: event.clientY, time: event.timeStamp };
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => {
    if (!start || event.pointerId !== start.id) return;
    const dx = event.clientX - start.x;
    heard.moved(Math.abs(dx) > 2 * Math.abs(event.clientY - start.y) || Math.abs(dx) > FLICK ? dx : 0);
  });
  node.addEventListener("pointerup", (event) => end(event, true));
  node.addEventListener("pointercancel", (event) => end(event, false));
}

/**
 * A click, or a press of half a second, on a button; a long one is not a click as well.
 * @param {HTMLElement} button @param {(event: Event, long: boolean) => void} heard
 */
export function press(button, heard) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let held = false;
  const stop = () => {
    clearTimeout(timer);
    button.classList.remove("held");
  };
  button.addEventListener("pointerdown", (event) => {
    held = false;
    if (event.button !== 0) return;
    button.classList.add("held");
    timer = setTimeout(() => {
      held = true;
      stop();
      heard(event, true);
    }, LONG);
  });
  for (const over of ["pointerup", "pointerleave", "pointercancel"]) button.addEventListener(over, stop);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    stop();
    if (!held) heard(event, false);
    held = false;
  });
}
