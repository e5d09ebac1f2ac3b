/**
 * The feed as a value and the steps it can take. Every function takes a state and returns the next one.
 *
 * Knows nothing of the page, the network or the clock, and draws no random numbers.
 *
 * @typedef {import("./api.js").Item} Item
 * @typedef {{key: string, item: Item, rating: number, number: number, id?: number | string}} Rated
 *   `key` names the rating before the server has given it an `id`
 * @typedef {object} Feed
 * @property {Item[]} queue  decoded, in order; the first one hangs on the wall
 * @property {Item[]} coming  asked for, not decoded yet
 * @property {Item[]} spare  decoded and set aside: shown only when the queue would run dry
 * @property {string[]} missing  ids of pictures that could not be loaded: not wanted again
 * @property {Rated[]} past  what can be undone, newest last
 * @property {number} ratings  how many of this person's ratings stand, undelivered ones included
 * @property {number} of  how many ratings the calibration takes
 */

/** Pictures wanted behind the one on the wall. */
export const AHEAD = 4;
/** Ratings that can be undone. */
export const DEPTH = 50;
const SPARE = 6;
const MISSING = 16;

/** @param {Partial<Feed>} [known] @returns {Feed} */
export const begin = (known = {}) => ({ queue: [], coming: [], spare: [], missing: [], past: [], ratings: 0, of: 12, ...known });

/** What hangs on the wall. @param {Feed} feed @returns {Item | undefined} */
export const onWall = (feed) => feed.queue[0];

/** The number that the picture on the wall will have once it is rated: numbers of pictures taken back stay theirs. @param {Feed} feed */
export const number = (feed) => Math.max(feed.ratings, feed.past.at(-1)?.number ?? 0) + 1;

/** @param {Feed} feed @returns {number} calibration ratings given, 0 to `of` */
export const calibrated = (feed) => Math.min(feed.of, feed.ratings);

/** How many pictures to ask for. @param {Feed} feed */
export const wanted = (feed) => Math.max(0, 1 + AHEAD - feed.queue.length - feed.coming.length);

/** Ids that the server need not send: here already, or rated here without the server knowing it yet. @param {Feed} feed */
export const known = (feed) => [
  ...[...feed.queue, ...feed.coming, ...feed.spare].map((item) => item.id),
  ...feed.past.filter((rated) => rated.id === undefined).map((rated) => rated.item.id),
  ...feed.missing,
];

/** Take in what the server sent; what is known already is left out. @param {Feed} feed @param {Item[]} items @returns {Feed} */
export function arriving(feed, items) {
  const here = new Set([...known(feed), ...feed.past.map((rated) => rated.item.id)]);
  const fresh = items.filter((item) => !here.has(item.id) && here.add(item.id));
  return { ...feed, coming: [...feed.coming, ...fresh] };
}

/** A picture is decoded: it joins the queue. @param {Feed} feed @param {string} id @returns {Feed} */
export function ready(feed, id) {
  const item = feed.coming.find((one) => one.id === id);
  if (!item) return feed;
  return { ...feed, coming: feed.coming.filter((one) => one !== item), queue: [...feed.queue, item] };
}

/** A picture could not be loaded. @param {Feed} feed @param {string} id @returns {Feed} */
export function lost(feed, id) {
  const others = (/** @type {Item[]} */ items) => items.filter((item) => item.id !== id);
  const missing = [...feed.missing, id].slice(-MISSING);
  return { ...feed, queue: others(feed.queue), coming: others(feed.coming), missing };
}

/**
 * Rate what hangs on the wall; nothing happens while there is nothing new to rate.
 * @param {Feed} feed @param {number} rating in [-1, 1] @param {string} key @returns {Feed}
 */
export function rate(feed, rating, key) {
  const [item, ...queue] = feed.queue;
  if (!item) return feed;
  const past = [...feed.past, { key, item, rating, number: number(feed) }].slice(-DEPTH);
  return fromShelf({ ...feed, queue, past, ratings: feed.ratings + 1 });
}

/** Never an empty wall: with no queue, what was set aside hangs. @param {Feed} feed @returns {Feed} */
export function fromShelf(feed) {
  const [first, ...spare] = feed.spare;
  return feed.queue.length || !first ? feed : { ...feed, queue: [{ ...first, slot: "shelf" }], spare };
}

/** Take the latest rating back and hang its picture again. @param {Feed} feed @returns {Feed} */
export function undo(feed) {
  const last = feed.past.at(-1);
  if (!last) return feed;
  return { ...feed, queue: [last.item, ...feed.queue], past: feed.past.slice(0, -1), ratings: feed.ratings - 1 };
}

/**
 * The server has it: from now on undo needs its id. Its number is the server's.
 * @param {Feed} feed @param {string} key @param {{id: number | string, number: number}} answer @returns {Feed}
 */
export const delivered = (feed, key, { id, number }) => ({
  ...feed,
  past: feed.past.map((rated) => (rated.key === key ? { ...rated, id, number } : rated)),
});

/** The server will never have it: it does not count. @param {Feed} feed @param {string} key @returns {Feed} */
export function refused(feed, key) {
  const past = feed.past.filter((rated) => rated.key !== key);
  return { ...feed, past, ratings: feed.ratings - (feed.past.length - past.length) };
}

/**
 * The dials were turned: pictures after the next one were chosen for another wish, and are set aside.
 * @param {Feed} feed @returns {Feed}
 */
export const retune = (feed) => ({
  ...feed,
  queue: feed.queue.slice(0, 2),
  spare: [...feed.queue.slice(2), ...feed.spare].slice(0, SPARE),
});

/**
 * What the server counts, and what it cannot know yet.
 * @param {Feed} feed @param {number} counted by the server @param {number} waiting ratings less undos not delivered
 * @param {number} of @returns {Feed}
 */
export function counted(feed, counted, waiting, of) {
  const ratings = Math.max(0, counted + waiting);
  // fewer than remembered here: the server has forgotten this person, so there is nothing to undo
  return { ...feed, ratings, of, past: ratings < feed.past.length ? [] : feed.past };
}
