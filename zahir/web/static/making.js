/** Asks how far what takes long has come, for as long as there is anything to hear. Knows nothing of the page. */

import * as api from "./api.js";
import { wait } from "./post.js";

/** @typedef {import("./api.js").Making} Making */

const PAUSES = { working: 1, waiting: 2, none: 4 }; // seconds between two questions

/** @type {(() => void) | null} */
let woken = null;

/** Ask again now: something was rated, or stopped. */
export const hurry = () => woken?.();

/** @param {(now: Making) => void} heard */
export async function watch(heard) {
  for (;;) {
    let pause = 5;
    try {
      const now = await api.making();
      heard(now);
      if (!now.slow && !now.library) return; // nothing here takes long
      pause = PAUSES[now.state];
    } catch (error) {
      if (!(error instanceof api.Away)) throw error;
    }
    await Promise.race([wait(pause), new Promise((done) => (woken = () => done(undefined)))]);
    while (document.hidden) await wait(3600);
  }
}
