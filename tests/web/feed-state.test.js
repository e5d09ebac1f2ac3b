/** The feed's steps: no picture twice, undo restores what was, the wall is never empty while anything is at hand. */

import assert from "node:assert/strict";
import test from "node:test";

import * as feeds from "../../zahir/web/static/feed-state.js";

const item = (id) => ({ id, url: `/media/${id}.webp`, kind: "image", why: `Because ${id}.`, slot: "mine", ai: true, alt: id });
const items = (...ids) => ids.map(item);
const ids = (list) => list.map((one) => one.id);
const filled = (...names) => names.reduce(feeds.ready, feeds.arriving(feeds.begin(), items(...names)));

test("pictures join the queue when they are decoded, in that order, and not before", () => {
  const asked = feeds.arriving(feeds.begin(), items("a", "b", "c"));
  assert.equal(feeds.onWall(asked), undefined);
  assert.deepEqual(ids(feeds.ready(feeds.ready(asked, "b"), "a").queue), ["b", "a"]);
  assert.equal(feeds.ready(asked, "unknown"), asked);
});

test("five are wanted in all: the one on the wall and four behind it, whether decoded yet or not", () => {
  assert.equal(feeds.wanted(feeds.begin()), 5);
  assert.equal(feeds.wanted(feeds.arriving(filled("a", "b"), items("c"))), 2);
  assert.equal(feeds.wanted(filled("a", "b", "c", "d", "e", "f")), 0);
});

test("what is here, or was rated here, is not taken in again", () => {
  const feed = feeds.rate(filled("a", "b"), 0.5, "k1");
  assert.deepEqual(ids(feeds.arriving(feed, items("a", "b", "c", "c")).coming), ["c"]);
});

test("the server is told what is here and what it cannot know to be rated", () => {
  let feed = feeds.rate(feeds.rate(filled("a", "b", "c"), 0.5, "k1"), 0, "k2");
  feed = feeds.delivered(feed, "k1", { id: 7, number: 1 });
  assert.deepEqual(feeds.known(feed), ["c", "b"]);
});

test("rating takes the picture off the wall and counts it", () => {
  const feed = feeds.rate(filled("a", "b"), -0.5, "k1");
  assert.equal(feeds.onWall(feed).id, "b");
  assert.deepEqual(feed.past, [{ key: "k1", item: item("a"), rating: -0.5, number: 1 }]);
  assert.equal(feeds.number(feed), 2);
  const empty = feeds.begin();
  assert.equal(feeds.rate(empty, 0.5, "k1"), empty, "nothing hangs, nothing is rated");
});

test("undo is the exact reverse of rating, fifty deep", () => {
  const names = Array.from({ length: 60 }, (_, k) => `p${k}`);
  const before = [filled(...names)];
  for (let k = 0; k < 59; k++) before.push(feeds.rate(before[k], 0.5, `k${k}`));
  let feed = before[59];
  for (let k = 58; k >= 9; k--) {
    feed = feeds.undo(feed);
    assert.deepEqual(ids(feed.queue), ids(before[k].queue));
    assert.equal(feed.ratings, before[k].ratings);
    assert.equal(feeds.number(feed), feeds.number(before[k]));
  }
  assert.equal(feeds.undo(feed), feed, "the fifty-first has nothing to undo");
});

test("a rating that the server refuses does not count and cannot be undone", () => {
  const feed = feeds.refused(feeds.rate(feeds.rate(filled("a", "b", "c"), 0.5, "k1"), 0.5, "k2"), "k1");
  assert.equal(feed.ratings, 1);
  assert.deepEqual(feed.past.map((rated) => rated.key), ["k2"]);
});

test("the number of a picture is the server's once it has spoken", () => {
  const feed = feeds.delivered(feeds.rate(filled("a", "b"), 0.5, "k1"), "k1", { id: 3, number: 148 });
  assert.equal(feed.past[0].number, 148);
  assert.equal(feeds.number(feed), 149);
});

test("calibration is counted by ratings, back and forth, and ends at twelve", () => {
  let feed = filled(...Array.from({ length: 14 }, (_, k) => `p${k}`));
  const done = [];
  for (let k = 0; k < 13; k++) done.push(feeds.calibrated((feed = feeds.rate(feed, 0, `k${k}`))));
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12]);
  assert.equal(feeds.calibrated(feeds.undo(feeds.undo(feed))), 11);
});

test("after the dials were turned all but the next picture is set aside, not thrown away", () => {
  const feed = feeds.retune(filled("a", "b", "c", "d", "e"));
  assert.deepEqual(ids(feed.queue), ["a", "b"]);
  assert.deepEqual(ids(feed.spare), ["c", "d", "e"]);
  assert.equal(feeds.wanted(feed), 3);
});

test("the wall is not empty while anything was set aside, and says where it comes from", () => {
  let feed = feeds.retune(filled("a", "b", "c", "d"));
  feed = feeds.rate(feeds.rate(feed, 0.5, "k1"), 0.5, "k2");
  assert.equal(feeds.onWall(feed).id, "c");
  assert.equal(feeds.onWall(feed).slot, "shelf");
  feed = feeds.rate(feeds.rate(feed, 0.5, "k3"), 0.5, "k4");
  assert.equal(feeds.onWall(feed), undefined);
  assert.equal(feeds.rate(feed, 0.5, "k5"), feed);
  assert.equal(feeds.onWall(feeds.undo(feed)).id, "d");
});

test("a picture whose file is missing goes, wherever it is", () => {
  const feed = feeds.lost(feeds.lost(feeds.arriving(filled("a", "b"), items("c")), "c"), "a");
  assert.deepEqual([ids(feed.queue), ids(feed.coming)], [["b"], []]);
  assert.deepEqual(ids(feeds.arriving(feed, items("a", "c", "d")).coming), ["d"], "and is not wanted again");
});

test("the server's count rules, plus what it cannot know yet", () => {
  const feed = feeds.rate(filled("a", "b"), 0.5, "k1");
  assert.equal(feeds.counted(feed, 147, 1, 12).ratings, 148);
  assert.equal(feeds.counted(feed, 147, 1, 12).past.length, 1);
  assert.equal(feeds.counted(feed, 0, 0, 12).past.length, 0, "a server that knows nobody has nothing to undo");
});

test("no step changes the state it was given", () => {
  const feed = Object.freeze(feeds.retune(feeds.rate(filled("a", "b", "c", "d"), 0.5, "k1")));
  for (const list of [feed.queue, feed.coming, feed.spare, feed.past]) Object.freeze(list);
  for (const step of [
    () => feeds.rate(feed, 1, "k2"), () => feeds.undo(feed), () => feeds.retune(feed), () => feeds.lost(feed, "b"),
    () => feeds.arriving(feed, items("z")), () => feeds.delivered(feed, "k1", { id: 1, number: 1 }),
    () => feeds.refused(feed, "k1"), () => feeds.counted(feed, 0, 0, 12),
  ]) step();
});
