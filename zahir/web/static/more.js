/** The sheet behind More: what is being made, what the filter hides, a friend's taste, and one's own as a file. */

import * as api from "./api.js";
import { $, el } from "./dom.js";
import * as making from "./making.js";
import { open } from "./sheets.js";
import { say } from "./strings.en.js";

/** @param {string} text */
const note = (text) => ($("#mixing-note").textContent = text);

/**
 * Do, and say why it could not be done.
 * @template T @param {Promise<T>} asked @param {(text: string) => void} tell @returns {Promise<T | undefined>}
 */
async function orSay(asked, tell) {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof api.Refused) tell(error.message);
    else if (error instanceof api.Away) tell(say.away);
    else throw error;
  }
  return undefined;
}

/** What is being made now. @param {api.Making} now */
export function told({ slow, state, done, of, generator, trouble, library }) {
  $("#making").hidden = !slow;
  $("#making-text").textContent =
    state === "working" && generator ? say.beingMade(generator, done ?? 0, of ?? 0)
    : state !== "none" ? say.beginsToBeMade
    : trouble ? say.notMade(trouble) : say.nothingMade;
  $("#cancel").hidden = state === "none";
  $("#library").hidden = !library;
  $("#library").textContent = library ? say.library(library.done, library.of) : "";
}

function stop() {
  $("#making-text").textContent = say.nothingMade;
  $("#cancel").hidden = true;
  void orSay(api.cancel(), (text) => ($("#making-text").textContent = text)).then(making.hurry);
}

/** @param {api.Taste["filter"]} filter */
function drawFilter(filter) {
  $("#filter").hidden = !filter;
  if (!filter) return;
  const order = ["off", "blur", "block"];
  for (const input of document.querySelectorAll("[name=filter]")) {
    const choice = /** @type {HTMLInputElement} */ (input);
    choice.disabled = order.indexOf(choice.value) < order.indexOf(filter.least); // the server asks for more
    choice.checked = order.indexOf(choice.value) === Math.max(order.indexOf(filter.least), order.indexOf(filter.own));
  }
}

/** What is kept, and what of it is mixed in. @param {api.Tastes} tastes */
function drawTastes({ kept, mix }) {
  const usable = kept.filter((one) => one.usable);
  $("#kept").hidden = !usable.length;
  const choices = [{ name: "", said: say.nothingMixed }, ...usable.map(({ name }) => ({ name, said: name }))];
  for (const old of document.querySelectorAll("#kept label")) old.remove();
  $("#kept").append(...choices.map(({ name, said }) =>
    el("label", {}, el("input", { type: "radio", name: "kept", value: name, checked: name === (mix.taste ?? "") }), said)));
  $("#mixing").hidden = !mix.taste;
  $("#forget").hidden = !mix.taste;
  if (mix.taste) $("#mix").valueAsNumber = mix.share;
  drawShare();
  $("#forget").textContent = mix.taste ? say.forget(mix.taste) : "";
  note(mix.taste ? say.mixed(mix.taste, mix.share) : "");
}

function drawShare() {
  const said = say.percent($("#mix").valueAsNumber);
  $("#mix-out").value = said;
  $("#mix").ariaValueText = said;
}

const chosen = () => /** @type {HTMLInputElement | null} */ (document.querySelector("[name=kept]:checked"))?.value || null;

async function refresh() {
  const tastes = await orSay(api.tastes(), note);
  if (tastes) drawTastes(tastes);
}

/** @param {string | null} taste */
async function mix(taste) {
  const done = await orSay(api.mix(taste, taste ? $("#mix").valueAsNumber : 0), note);
  if (done !== undefined) await refresh();
}

async function bring() {
  const [file] = $("#file").files;
  $("#file").value = "";
  if (!file) return;
  const brought = await orSay(api.bring(file), note);
  if (!brought) return;
  if (brought.usable) await mix(brought.name);
  else note(say.unusable(brought.name));
}

async function forget() {
  const name = chosen();
  if (name && (await orSay(api.forget(name), note)) !== undefined) await refresh();
  $("#file").focus();
}

async function show() {
  open($("#more"));
  const taste = await orSay(api.taste(), note);
  if (!taste) return;
  drawFilter(taste.filter);
  $("#travel").hidden = !taste.ratings;
  $("#no-travel").hidden = taste.ratings > 0;
  await refresh();
}

/** Wire the sheet. @param {() => void} filtered hears that other pictures may be shown now */
export function more(filtered) {
  $("#more-button").addEventListener("click", show);
  $("#cancel").addEventListener("click", stop);
  $("#filter").addEventListener("change", (/** @type {Event} */ event) => {
    const own = /** @type {api.Policy} */ (/** @type {HTMLInputElement} */ (event.target).value);
    void orSay(api.filter(own), note).then((done) => done !== undefined && filtered());
  });
  $("#kept").addEventListener("change", () => void mix(chosen()));
  $("#mix").addEventListener("input", drawShare);
  $("#mix").addEventListener("change", () => void mix(chosen()));
  $("#file").addEventListener("change", bring);
  $("#forget").addEventListener("click", forget);
}
