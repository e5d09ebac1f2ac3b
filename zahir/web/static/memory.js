/**
 * What outlives a reload: what can be undone (shared by all tabs) and what waits in this tab's queue.
 *
 * @typedef {import("./feed-state.js").Feed} Feed
 * @typedef {import("./feed-state.js").Rated} Rated
 */

const PAST = "zahir.past";
const QUEUE = "zahir.queue";
const SEEN = "zahir.seen";

/** @returns {Rated[]} newest last */
export const past = () => JSON.parse(localStorage.getItem(PAST) ?? "[]");

/** @returns {import("./api.js").Item[]} the pictures of this tab, the one on the wall first */
export const queue = () => JSON.parse(sessionStorage.getItem(QUEUE) ?? "[]");

/** @param {Feed} feed */
export function keep(feed) {
  localStorage.setItem(PAST, JSON.stringify(feed.past));
  sessionStorage.setItem(QUEUE, JSON.stringify([...feed.queue, ...feed.coming]));
}

/** @returns {Set<string>} ids of the pictures that this tab has painted, in order */
export const seen = () => new Set(JSON.parse(sessionStorage.getItem(SEEN) ?? "[]"));

/** @param {Set<string>} ids */
export const keepSeen = (ids) => sessionStorage.setItem(SEEN, JSON.stringify([...ids]));

/** Ratings taken back elsewhere cannot be undone once more. @param {(number | string)[]} ids */
export function forget(ids) {
  localStorage.setItem(PAST, JSON.stringify(past().filter((rated) => !rated.id || !ids.includes(rated.id))));
}

/**
 * A rating left this browser while no feed was open to hear the answer: note its id, or that it does not count.
 * @param {string} key @param {{id: number | string, number: number} | undefined} answer undefined: refused
 */
export function settle(key, answer) {
  const kept = past().flatMap((rated) => (rated.key !== key ? [rated] : answer ? [{ ...rated, ...answer }] : []));
  localStorage.setItem(PAST, JSON.stringify(kept));
}

/** Hear that another tab has rated or taken back. @param {() => void} heard */
export function shared(heard) {
  addEventListener("storage", (event) => {
    if (event.key === PAST) heard();
  });
}
