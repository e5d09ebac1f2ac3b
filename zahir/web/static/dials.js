/** The two dials: strength and surprise. Knows how they look and what they say, not what they do. */

import { $ } from "./dom.js";
import { say } from "./strings.en.js";

/** @typedef {import("./api.js").Dials} Dials */

const SAID = { strength: say.strength, surprise: say.surprise };
const PAUSE = 250; // ms without a further turn

/** @param {(dials: Dials) => void} turned called once a dial has come to rest */
export function dials(turned) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const names = /** @type {("strength" | "surprise")[]} */ (Object.keys(SAID));

  function draw() {
    for (const name of names) {
      const said = SAID[name]($(`#${name}`).valueAsNumber);
      $(`#${name}-out`).value = said;
      $(`#${name}`).ariaValueText = said;
    }
  }
  function turn() {
    draw();
    clearTimeout(timer);
    timer = setTimeout(() => turned({ strength: $("#strength").valueAsNumber, surprise: $("#surprise").valueAsNumber }), PAUSE);
  }
  /** @param {Dials} to */
  function set(to) {
    for (const name of names) $(`#${name}`).valueAsNumber = to[name];
    draw();
  }
  /** One step. @param {"strength" | "surprise"} name @param {1 | -1} by @returns {string} what it says now */
  function nudge(name, by) {
    const dial = $(`#${name}`);
    if (by > 0) dial.stepUp();
    else dial.stepDown();
    turn();
    return SAID[name](dial.valueAsNumber);
  }
  for (const name of names) $(`#${name}`).addEventListener("input", turn);
  draw();
  return { set, nudge };
}
