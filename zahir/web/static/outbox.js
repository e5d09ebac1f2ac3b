/**
 * Letters to the server that survive reloads, restarts and lost connections, each with exactly one effect.
 *
 * Every letter lies in the browser's storage under a key of its own until the server has answered, so that two tabs
 * never overwrite each other's; they leave one at a time, oldest first. Knows nothing of the page or of HTTP.
 *
 * @typedef {{kind: "rate", key: string, item: string, rating: number, undone?: boolean}} Rating
 * @typedef {{kind: "undo", key: string, id: number | string}} Undo
 * @typedef {{kind: "seen", key: string, item: string, slot: string, position: number}} Seen
 * @typedef {{kind: "dials", key: string, strength: number, surprise: number}} Dials
 * @typedef {(Rating | Undo | Seen | Dials) & {tries?: number}} Letter
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">} Drawer
 */

import { Away, Refused } from "./api.js";

const PREFIX = "zahir.outbox.";
let count = 0;

/** A key that no other letter has; keys sort by the time they were made. */
export function stamp() {
  const time = Date.now().toString(36).padStart(9, "0");
  const turn = (count++).toString(36).padStart(4, "0");
  return `${time}-${turn}-${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
}

/** Seconds before try `fails` + 1: half a second, doubling, five at most, a fifth more or less. @param {number} fails */
export const patience = (fails, random = Math.random) =>
  Math.min(5, 0.5 * 2 ** (fails - 1)) * (0.8 + 0.4 * random());

/**
 * @param {object} parts
 * @param {Drawer} parts.storage
 * @param {(letter: Letter) => Promise<any>} parts.send throws Away (kept, tried again) or Refused (dropped, told)
 * @param {(seconds: number) => Promise<void>} parts.wait
 * @param {(work: () => Promise<void>) => Promise<void>} [parts.alone] runs work in one tab at a time
 * @param {(news: {letter: Letter, reply?: any, refused?: Refused, away?: Away}) => void} parts.told
 */
export function outbox({ storage, send, wait, alone = (work) => work(), told }) {
  let busy = false;

  /** @returns {Letter[]} oldest first */
  function letters() {
    const names = Array.from({ length: storage.length }, (_, k) => storage.key(k) ?? "");
    return names.filter((name) => name.startsWith(PREFIX)).sort().flatMap((name) => {
      const text = storage.getItem(name); // null when another tab has just delivered it
      return text ? [JSON.parse(text)] : [];
    });
  }
  /** @param {string} key @returns {Letter | null} */
  const find = (key) => JSON.parse(storage.getItem(PREFIX + key) ?? "null");
  /** @param {Letter} letter */
  const keep = (letter) => storage.setItem(PREFIX + letter.key, JSON.stringify(letter));
  /** @param {string} key */
  const drop = (key) => storage.removeItem(PREFIX + key);

  /** Keep a letter and begin to deliver. A letter under the same key is replaced. @param {Letter} letter */
  function post(letter) {
    keep(letter);
    void deliver();
  }

  /**
   * Take a rating back before the server has confirmed it. One that may have left is delivered and then undone.
   * @param {string} key @returns {boolean} false when it is not here any more
   */
  function recall(key) {
    const letter = find(key);
    if (letter?.kind !== "rate") return false;
    if (letter.tries) keep({ ...letter, undone: true });
    else drop(key);
    return true;
  }

  /** @param {Letter} letter @param {any} reply */
  function settle(letter, reply) {
    const latest = find(letter.key);
    if (latest?.kind === "rate" && latest.undone) {
      keep({ kind: "undo", key: letter.key, id: reply.id }); // in its own place, so before whatever was rated since
      return;
    }
    told({ letter, reply }); // whoever listens has the rating's id before the letter is gone
    if (JSON.stringify(latest) === JSON.stringify(letter)) drop(letter.key); // else it was replaced while it travelled
  }

  async function deliver() {
    if (busy) return;
    busy = true;
    let fails = 0;
    try {
      while (letters().length) {
        let away = false;
        await alone(async () => {
          const [first] = letters();
          if (!first) return;
          const letter = { ...first, tries: (first.tries ?? 0) + 1 };
          keep(letter); // before it leaves: from now on it may have arrived
          try {
            settle(letter, await send(letter));
            fails = 0;
          } catch (error) {
            if (error instanceof Refused) {
              drop(letter.key);
              told({ letter, refused: error });
            } else if (error instanceof Away) {
              away = true;
              told({ letter, away: error });
            } else throw error;
          }
        });
        if (away) await wait(patience(++fails));
      }
    } finally {
      busy = false;
    }
  }

  return { post, recall, letters, deliver };
}
