/**
 * The server's routes as functions. Knows nothing of the page, and retries nothing: see outbox.js.
 *
 * @typedef {{id: string, url: string, films?: string[], blurred?: boolean, kind: string, why: string, slot: string,
 *   ai: boolean, alt: string, number?: number}} Item  one picture of the feed, or a video with its films; `id` is opaque
 * @typedef {"off" | "blur" | "block"} Policy
 * @typedef {{slow: boolean, state: "none" | "waiting" | "working", done: number | null, of: number | null,
 *   generator: string | null, trouble: string | null, library: {done: number, of: number} | null}} Making
 * @typedef {{kept: {name: string, usable: boolean, kept: string}[], mix: {taste: string | null, share: number}}} Tastes
 * @typedef {{strength: number, surprise: number}} Dials  strength 0 to 100, surprise a step from 0 to 5
 * @typedef {{ratings: number, likes: number, calibration: {done: number, of: number}, dials: Dials,
 *   shared: number | null, filter: {least: Policy, own: Policy} | null}} Taste
 * @typedef {{why: string, near: {id: string, url: string, alt: string, number: number}[],
 *   shares: {own: number, people: number, everyone: number},
 *   made: {generator?: string | null, seed?: number | null, strength?: number | null, date?: string | null}}} Why
 * @typedef {{id: string, url: string, films: string[], blurred: boolean, alt: string, number: number, rated: string,
 *   rating: number, rating_id: number | string}} Print
 */

/** The server could not be reached, or asked to come back later: the same request may succeed. */
export class Away extends Error {}

/** The server understood and said no: the same request will never succeed. */
export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {any} body what an error carries: {error: {what, why, next}} or {error: text} */
function words(body) {
  const error = body?.error;
  return typeof error === "string" ? error : [error?.what, error?.why, error?.next].filter(Boolean).join(" ");
}

/**
 * Ask; throws Away or Refused.
 * @param {string} path
 * @param {{method?: string, body?: unknown, file?: Blob, key?: string}} [options] `key` makes a repeat harmless
 * @returns {Promise<any>} the JSON of the answer, null where it has none
 */
async function ask(path, { method = "GET", body, file, key } = {}) {
  /** @type {Record<string, string>} */
  const headers = { "X-Zahir": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const reply = await fetch(path, {
    method,
    headers,
    body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
    keepalive: method !== "GET" && !file, // a rating given while the page closes still leaves
    signal: AbortSignal.timeout(file ? 60_000 : 15_000),
  }).catch((error) => {
    throw new Away(String(error));
  });
  // 401 and 403: the visit has ended on the server; a reload begins a new one, and nothing may be thrown away before
  if (reply.status >= 500 || [401, 403, 408, 425, 429].includes(reply.status)) throw new Away(`${reply.status} at ${path}`);
  if (reply.status === 204) return null;
  const text = await reply.text().catch((error) => {
    throw new Away(String(error));
  });
  const answer = reply.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : null;
  if (!reply.ok) throw new Refused(reply.status, words(answer) || `${reply.status} at ${path}`);
  return answer;
}

/**
 * @param {number} n @param {"wide" | "tall" | "square"} shape of the wall
 * @param {string[]} have ids that need not be sent again
 * @returns {Promise<Item[]>}
 */
export async function next(n, shape, have) {
  const query = new URLSearchParams({ n: String(n), shape });
  if (have.length) query.set("have", have.join(","));
  return (await ask(`/api/next?${query}`)).items;
}

/** @returns {Promise<Taste>} */
export const taste = () => ask("/api/taste");

/** @param {string} item @returns {Promise<Why>} */
export const why = (item) => ask(`/api/why/${encodeURIComponent(item)}`);

/** @returns {Promise<{items: Print[], since: string | null}>} */
export const likes = () => ask("/api/gallery?show=likes");

/** @param {string} item @param {number} rating in [-1, 1] @param {string} key
 * @returns {Promise<{id: number | string, number: number}>} */
export const rate = (item, rating, key) => ask("/api/ratings", { method: "POST", body: { item, rating }, key });

/** @param {number | string} id of a rating */
export const retract = (id) => ask(`/api/ratings/${id}`, { method: "DELETE" });

/** @param {string} item @param {string} slot @param {number} position in this visit, from 0 @param {string} key */
export const expose = (item, slot, position, key) =>
  ask("/api/exposures", { method: "POST", body: { item, slot, position }, key });

/** @param {Dials} dials */
export const turn = (dials) => ask("/api/dials", { method: "PUT", body: dials });

/** How far the picture is that is being made, and a new look at the library. @returns {Promise<Making>} */
export const making = () => ask("/api/making");

/** Stop what is being made. */
export const cancel = () => ask("/api/making", { method: "DELETE" });

/** @param {Policy} own what is asked of the filter beyond the server's policy */
export const filter = (own) => ask("/api/filter", { method: "PUT", body: { own } });

/** Tastes that came in files. @returns {Promise<Tastes>} */
export const tastes = () => ask("/api/tastes");

/** Keep a friend's taste. @param {Blob} file @returns {Promise<{name: string, usable: boolean}>} */
export const bring = (file) => ask("/api/tastes", { method: "POST", file });

/** @param {string} name of a kept taste */
export const forget = (name) => ask(`/api/tastes/${encodeURIComponent(name)}`, { method: "DELETE" });

/** @param {string | null} taste name of a kept one @param {number} share in percent */
export const mix = (taste, share) => ask("/api/mix", { method: "PUT", body: { taste, share } });

/** Where a copy of a picture is, with its origin and the mark that says it was generated. @param {string} item */
export const copy = (item) => `/media/${encodeURIComponent(item)}.png?download=1`;
