/** Letters arrive with exactly one effect, whatever fails: connections, the page, the order of clicks. */

import assert from "node:assert/strict";
import test from "node:test";

import { Away, Refused } from "../../zahir/web/static/api.js";
import { outbox, patience, stamp } from "../../zahir/web/static/outbox.js";

/** A browser's storage. */
function drawer() {
  const map = new Map();
  return {
    get length() { return map.size; },
    key: (k) => [...map.keys()][k] ?? null,
    getItem: (name) => map.get(name) ?? null,
    setItem: (name, text) => void map.set(name, String(text)),
    removeItem: (name) => void map.delete(name),
  };
}

/** A server that takes ratings once per key, and whose line breaks before or after it has done so. */
function server(breaks = () => "no") {
  const ratings = new Map(), order = [];
  let id = 0;
  return {
    order,
    standing: () => [...ratings.values()].filter((one) => !one.gone).map((one) => one.item),
    effects: () => ratings.size,
    async send(letter) {
      await null;
      const broken = breaks(letter);
      if (broken === "before") throw new Away("before");
      let reply = null;
      if (letter.kind === "rate") {
        if (!ratings.has(letter.key)) {
          ratings.set(letter.key, { id: ++id, item: letter.item, gone: false });
          order.push(letter.item);
        }
        reply = { id: ratings.get(letter.key).id, number: ratings.size };
      }
      if (letter.kind === "undo") for (const one of ratings.values()) if (one.id === letter.id) one.gone = true;
      if (broken === "after") throw new Away("after");
      return reply;
    },
  };
}

/** A generator of numbers in [0, 1), so that a failure can be repeated (mulberry32). */
function numbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const soon = () => new Promise((done) => setImmediate(done));
const rating = (item) => ({ kind: "rate", key: stamp(), item, rating: 0.5 });
async function empty(box) {
  for (let k = 0; k < 10_000 && box.letters().length; k++) await soon();
  assert.equal(box.letters().length, 0);
}

test("keys are all different and sort by time", () => {
  const keys = Array.from({ length: 5000 }, stamp);
  assert.equal(new Set(keys).size, 5000);
  assert.deepEqual([...keys].sort(), keys);
});

test("letters leave in order, and the answer is told before the letter is gone", async () => {
  const there = server(), storage = drawer(), told = [];
  const box = outbox({ storage, send: there.send, wait: soon,
    told: ({ letter, reply }) => told.push([letter.item, reply.id, storage.getItem(`zahir.outbox.${letter.key}`) !== null]) });
  for (const item of ["a", "b", "c"]) box.post(rating(item));
  await empty(box);
  assert.deepEqual(told, [["a", 1, true], ["b", 2, true], ["c", 3, true]]);
});

test("200 broken lines, half of them after the server had acted: each rating counts once, in order", async () => {
  const random = numbers(1);
  let broken = 0;
  const there = server(() => (broken < 200 && random() < 0.5 ? (broken++, random() < 0.5 ? "before" : "after") : "no"));
  const box = outbox({ storage: drawer(), send: there.send, wait: soon, told: () => {} });
  const items = Array.from({ length: 250 }, (_, k) => `p${k}`);
  for (const item of items) box.post(rating(item));
  await empty(box);
  assert.equal(broken, 200);
  assert.deepEqual(there.order, items);
  assert.equal(there.effects(), 250);
});

test("a page that dies at any moment leaves its letters to the next one", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = numbers(seed), storage = drawer();
    let alive = 0; // the page that may act
    const there = server(() => ["no", "before", "after"][Math.floor(random() * 3)]);
    const page = () => {
      const me = ++alive;
      const never = new Promise(() => {});
      return outbox({
        storage,
        // what a dead page was waiting for never comes back to it, though the server may have acted
        send: (letter) => there.send(letter).then(...[(reply) => reply, (error) => { throw error; }].map((f) => (x) => (me === alive ? f(x) : never))),
        wait: () => (me === alive ? soon() : never),
        told: () => {},
      });
    };
    const items = [];
    let box = page();
    for (let k = 0; k < 12; k++) {
      items.push(`p${k}`);
      box.post(rating(`p${k}`));
      for (let turns = Math.floor(random() * 4); turns > 0; turns--) await soon();
      if (random() < 0.5) {
        box = page();
        void box.deliver();
      }
    }
    await empty(box);
    assert.deepEqual(there.order, items, `seed ${seed}`);
    assert.equal(there.effects(), 12, `seed ${seed}`);
  }
});

test("undo, before it left, while it travels and after it arrived, always ends unrated", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = numbers(seed), ids = new Map();
    const there = server(() => ["no", "no", "before", "after"][Math.floor(random() * 4)]);
    const box = outbox({ storage: drawer(), send: there.send, wait: soon, told: ({ letter, reply }) => reply && ids.set(letter.key, reply.id) });
    const kept = [];
    for (let k = 0; k < 10; k++) {
      const letter = rating(`p${k}`);
      box.post(letter);
      for (let turns = Math.floor(random() * 6); turns > 0; turns--) await soon();
      if (random() < 0.5) {
        if (!box.recall(letter.key)) box.post({ kind: "undo", key: stamp(), id: ids.get(letter.key) });
      } else kept.push(`p${k}`);
    }
    await empty(box);
    assert.deepEqual(there.standing(), kept, `seed ${seed}`);
  }
});

test("a rating taken back before it left is never sent", async () => {
  let sent = 0;
  const held = [];
  const box = outbox({ storage: drawer(), wait: soon, told: () => {}, send: () => (sent++, new Promise((done) => held.push(done))) });
  const first = rating("a"), second = rating("b");
  box.post(first);
  box.post(second);
  assert.equal(box.recall(second.key), true);
  assert.equal(box.recall(second.key), false);
  await soon();
  held[0]({ id: 1, number: 1 });
  await empty(box);
  assert.equal(sent, 1);
});

test("what the server refuses is told and dropped, and does not hold up the others", async () => {
  const there = server(), news = [];
  const send = (letter) => (letter.item === "gone" ? Promise.reject(new Refused(404, "There is no such picture.")) : there.send(letter));
  const box = outbox({ storage: drawer(), send, wait: soon, told: ({ refused }) => refused && news.push(refused.message) });
  for (const item of ["a", "gone", "b"]) box.post(rating(item));
  await empty(box);
  assert.deepEqual(there.order, ["a", "b"]);
  assert.deepEqual(news, ["There is no such picture."]);
});

test("the dials' letter is replaced: the latest turn is what arrives last", async () => {
  const turns = [];
  const box = outbox({ storage: drawer(), wait: soon, told: () => {}, send: async (letter) => { await soon(); turns.push(letter.strength); } });
  for (const strength of [10, 20, 30]) box.post({ kind: "dials", key: "dials", strength, surprise: 2 });
  await empty(box);
  assert.equal(turns.at(-1), 30);
  assert.ok(turns.length <= 2);
});

test("patience doubles to five seconds, a fifth more or less", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 9].map((fails) => patience(fails, () => 0.5)), [0.5, 1, 2, 4, 5, 5]);
  assert.equal(patience(9, () => 0), 4);
  assert.ok(patience(9, () => 0.999) < 6);
});

test("an error that is neither is not swallowed, and the letter stays", async () => {
  const storage = drawer(), letter = rating("a");
  storage.setItem(`zahir.outbox.${letter.key}`, JSON.stringify(letter));
  const box = outbox({ storage, wait: soon, told: () => {}, send: () => Promise.reject(new TypeError("a bug")) });
  await assert.rejects(box.deliver(), /a bug/);
  assert.equal(box.letters().length, 1);
});
