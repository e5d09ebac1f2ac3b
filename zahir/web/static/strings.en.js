/* Every sentence that a script says, one file per language: whole thoughts, with numbers as arguments. */

const rule = new Intl.PluralRules("en");
/** @param {number} n @param {string} one @param {string} other */
const plural = (n, one, other) => (rule.select(n) === "one" ? one : other);

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

/** @param {string} iso */
function date(iso) {
  const then = new Date(iso);
  return (then.getFullYear() === new Date().getFullYear() ? day : dayOfYear).format(then);
}

/** @type {Record<string, (n: number) => string>} */
const rated = {
  love: (n) => `Loved no. ${n}`,
  like: (n) => `Liked no. ${n}`,
  neither: (n) => `Passed no. ${n}`,
  dislike: (n) => `Disliked no. ${n}`,
  hate: (n) => `Hated no. ${n}`,
};

export const say = {
  rated,
  number: (/** @type {number} */ n) => `No. ${n}`,
  undone: (/** @type {number} */ n) => `No. ${n} is unrated again`,
  nothingToUndo: "Nothing to undo",
  calibrating: (/** @type {number} */ k, /** @type {number} */ n) => `${k} of ${n}`,
  calibrated: "That is enough to begin. From here the pictures lean towards you.",
  shelf: "From the shelf, while the next one is made.",
  waiting: "The next one is on its way.",
  beginning: "The first picture is on its way.",
  offline: (/** @type {number} */ n) =>
    n ? `Offline. ${n} ${plural(n, "rating is kept here and will be", "ratings are kept here and will each be")} delivered once.`
      : "Offline. Ratings are kept here until the server is back.",
  offlineShort: (/** @type {number} */ n) => (n ? `Offline, ${n} kept` : "Offline"),
  delivered: (/** @type {number} */ n) => `${n} ${plural(n, "rating", "ratings")} delivered.`,
  refused: (/** @type {string} */ why) => `A rating did not count: ${why}`,
  copied: (/** @type {number} */ n) => `Keeping a copy of no. ${n}`,
  alone: "Only the picture. F or Escape brings the rest back.",
  together: "Everything is back.",
  generated: "Generated picture",
  generatedVideo: "Generated video",
  imported: "Imported picture",
  play: "Play",
  pause: "Pause",
  video: "video",
  blurred: "blurred by the filter",
  showOnce: "Show once",
  step: (/** @type {number} */ done, /** @type {number} */ of) => `Step ${done} of ${of}`,
  library: (/** @type {number} */ done, /** @type {number} */ of) => `Looking at the library anew, ${done} of ${of}`,
  libraryShort: (/** @type {number} */ done, /** @type {number} */ of) => `${done} of ${of} seen`,
  beingMade: (/** @type {string} */ by, /** @type {number} */ done, /** @type {number} */ of) =>
    `The next one is being made by ${by}${of > 1 ? `: step ${done} of ${of}` : ""}.`,
  beginsToBeMade: "The next one is about to be made.",
  nothingMade: "Nothing is being made now. The next one begins with your next rating.",
  notMade: (/** @type {string} */ why) => `The latest one could not be made: ${why}`,
  nothingMixed: "nothing",
  mixed: (/** @type {string} */ name, /** @type {number} */ share) =>
    `What is made from now on is led by both: ${share}\u2009% by “${name}”, ${100 - share}\u2009% by you.`,
  unusable: (/** @type {string} */ name) =>
    `“${name}” is kept. It speaks of other pictures than this server makes, so it cannot be mixed in here.`,
  forget: (/** @type {string} */ name) => `Forget “${name}”`,
  away: "The server cannot be reached now. Try again in a moment.",
  news: (/** @type {string} */ what, /** @type {number} */ n, /** @type {string} */ alt, /** @type {string} */ why) =>
    `${what}. No. ${n}: ${alt.replace(/\.$/, "")}. ${why}`,
  strength: (/** @type {number} */ v) => (v === 0 ? "off" : `${v}`),
  surprise: (/** @type {number} */ v) => ["never", "1 in 12", "1 in 7", "1 in 4", "1 in 2", "always"][v] ?? "",
  turned: (/** @type {"strength" | "surprise"} */ name, /** @type {string} */ to) =>
    `${name === "strength" ? "Strength" : "Surprise"}: ${to}`,
  percent: (/** @type {number} */ v) => `${v}\u2009%`,
  noReason: "The reason is with the server, which cannot be reached now.",
  noneNear: "Nothing you liked is near it yet.",
  made: {
    generator: "Made by",
    seed: "Seed",
    strength: "Strength, out of 100",
    date: "Made on",
    unknown: "How it was made is with the server, which cannot be reached now.",
    none: "It was not made here, but imported.",
  },
  date,
  keysOn: "Letter keys work",
  keysOff: "Letter keys rest",
  missing: "This file is missing",
  likes: (/** @type {number} */ n, /** @type {string | null} */ since) =>
    `${n} ${plural(n, "picture", "pictures")}${since ? ` since ${date(since)}` : ""}`,
  likesAway: "The server cannot be reached. What you liked is safe there, and comes back with it.",
  chosen: (/** @type {number} */ n) => `${n} chosen`,
  tookBack: (/** @type {number} */ n) => `Took back ${n} ${plural(n, "like", "likes")}`,
  likedAgain: (/** @type {number} */ n) => `${n} ${plural(n, "like is", "likes are")} back`,
};
