/** Keys are ours only when nothing else has a claim on them; a swipe is far, or fast, and across. */

import assert from "node:assert/strict";
import test from "node:test";

import { swiped } from "../../zahir/web/static/hands.js";
import { meaning } from "../../zahir/web/static/keys.js";

/** An element inside these, as far as `closest` can tell. */
const inside = (...names) => ({ closest: (selector) => selector.split(/,\s*/).some((one) => names.includes(one)) || null });
const press = (key, more = {}) => ({ key, target: inside(), ...more });

test("every key means what the sheet of keys says", () => {
  const table = {
    l: "like", ArrowRight: "like", " ": "neither", ArrowDown: "neither", a: "dislike", ArrowLeft: "dislike", u: "undo",
    w: "why", f: "alone", s: "copy", "?": "keys", "[": "weaker", "]": "stronger", "-": "calmer", "+": "wilder",
    1: "feed", 2: "likes", Escape: "close",
  };
  for (const [key, act] of Object.entries(table)) assert.equal(meaning(press(key)), act, key);
  for (const key of ["q", "Enter", "Tab", "F5", "3", "ArrowUp"]) assert.equal(meaning(press(key)), null, key);
});

test("Shift makes like love and dislike hate; capitals by Caps Lock do not", () => {
  assert.equal(meaning(press("L", { shiftKey: true })), "love");
  assert.equal(meaning(press("A", { shiftKey: true })), "hate");
  assert.equal(meaning(press("ArrowLeft", { shiftKey: true })), "hate");
  assert.equal(meaning(press("?", { shiftKey: true })), "keys");
  assert.equal(meaning(press("L")), "like");
});

test("no modifier but Shift; Ctrl Z and Cmd Z undo", () => {
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) {
    for (const key of ["l", "a", "s", "f", "w", "ArrowLeft", "1"]) assert.equal(meaning(press(key, { [modifier]: true })), null);
  }
  assert.equal(meaning(press("z", { ctrlKey: true })), "undo");
  assert.equal(meaning(press("z", { metaKey: true })), "undo");
  assert.equal(meaning(press("Z", { ctrlKey: true, shiftKey: true })), null);
  assert.equal(meaning(press("z", { ctrlKey: true, altKey: true })), null);
  assert.equal(meaning(press("z")), null);
});

test("text fields, sheets, input methods, repeats and keys already used are left alone", () => {
  for (const field of ["input:not([type=range])", "textarea", "select", "[contenteditable]", "dialog"]) {
    assert.equal(meaning(press("l", { target: inside(field) })), null, field);
    assert.equal(meaning(press("z", { ctrlKey: true, target: inside(field) })), null, field);
  }
  for (const flag of ["isComposing", "repeat", "defaultPrevented"]) assert.equal(meaning(press("l", { [flag]: true })), null, flag);
});

test("a slider keeps its arrows, a button its Space", () => {
  const slider = { target: inside("input") }, button = { target: inside("button") };
  assert.equal(meaning(press("ArrowRight", slider)), null);
  assert.equal(meaning(press("l", slider)), "like");
  assert.equal(meaning(press(" ", button)), null);
  assert.equal(meaning(press("l", button)), "like");
});

test("letter keys can rest; arrows and Space go on", () => {
  for (const key of ["l", "a", "?", "[", "1", "-"]) assert.equal(meaning(press(key), false), null, key);
  for (const key of ["ArrowRight", "ArrowLeft", "ArrowDown", " "]) assert.notEqual(meaning(press(key), false), null, key);
  assert.equal(meaning(press("z", { ctrlKey: true }), false), "undo");
});

test("layouts without these letters go by the place of the key; others by what they write", () => {
  assert.equal(meaning(press("д", { code: "KeyL" })), "like");
  assert.equal(meaning(press("ü", { code: "BracketLeft" })), "weaker");
  assert.equal(meaning(press("q", { code: "KeyA" })), null, "AZERTY writes q there");
});

test("a swipe is 64 px, or 32 px in a flick, and twice as far across as down", () => {
  assert.equal(swiped(64, 0, 1000), 1);
  assert.equal(swiped(-64, 10, 1000), -1);
  assert.equal(swiped(63, 0, 1000), 0);
  assert.equal(swiped(32, 0, 50), 1);
  assert.equal(swiped(31, 0, 10), 0);
  assert.equal(swiped(80, 40, 1000), 0);
  assert.equal(swiped(80, -39, 1000), 1);
});
