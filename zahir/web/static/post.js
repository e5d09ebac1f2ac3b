/** This browser's outbox, joined to the server. Knows which letter goes to which route, and nothing of the page. */

import * as api from "./api.js";
import { outbox } from "./outbox.js";

/** @typedef {import("./outbox.js").Letter} Letter */

/** @param {Letter} letter */
function send(letter) {
  switch (letter.kind) {
    case "rate": return api.rate(letter.item, letter.rating, letter.key);
    case "seen": return api.expose(letter.item, letter.slot, letter.position, letter.key);
    case "dials": return api.turn({ strength: letter.strength, surprise: letter.surprise });
    case "undo":
      return api.retract(letter.id).catch((error) => {
        if (error instanceof api.Refused && error.status === 404) return null; // it has arrived before
        throw error;
      });
  }
}

/** Wait; a connection that comes back, or a page that is looked at again, ends it. @param {number} seconds */
export function wait(seconds) {
  return new Promise((done) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener("online", over);
      document.removeEventListener("visibilitychange", over);
      done(undefined);
    };
    const timer = setTimeout(over, 1000 * seconds);
    addEventListener("online", over);
    document.addEventListener("visibilitychange", over);
  });
}

/** Only one tab delivers at a time. Plain HTTP has no locks; there the keys alone keep each effect single. @param {() => Promise<void>} work */
const alone = (work) => (navigator.locks ? navigator.locks.request("zahir.outbox", work) : work());

/** @param {Parameters<typeof outbox>[0]["told"]} told */
export const post = (told) => outbox({ storage: localStorage, send, wait, alone, told });
