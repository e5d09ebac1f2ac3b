/** Two answers about one picture: why it is here, and how it was made. Asks the server; draws what it says. */

import * as api from "./api.js";
import { $, el, frame } from "./dom.js";
import { say } from "./strings.en.js";

/** @typedef {import("./api.js").Item} Item */

/** @param {Item} item @returns {Promise<api.Why | null>} null when the server cannot say */
async function asked(item) {
  try {
    return await api.why(item.id);
  } catch (error) {
    if (error instanceof api.Away || error instanceof api.Refused) return null;
    throw error;
  }
}

/** Fill the panel: the nearest liked pictures, and the shares of whose ratings speak. @param {Item} item */
export async function why(item) {
  const panel = $("#why");
  panel.dataset.item = item.id;
  const answer = await asked(item);
  if (panel.dataset.item !== item.id) return; // another picture hangs by now
  panel.dataset.told = "";
  const near = (answer?.near ?? []).slice(0, 3);
  $("#near").replaceChildren(
    ...near.map((one) => el("figure", {}, frame(one, 0.5, one.number),
      el("figcaption", { className: "caption num", textContent: say.number(one.number) }))),
  );
  $("#near").hidden = !near.length;
  $("#why-note").textContent = answer ? say.noneNear : say.noReason;
  $("#why-note").hidden = near.length > 0;
  const rated = item.slot === "mine" || item.slot === "people"; // others were not chosen by anybody's ratings
  const shares = /** @type {Record<string, number>} */ ((rated && answer?.shares) || {});
  for (const row of document.querySelectorAll("[data-share]")) {
    const share = shares[/** @type {HTMLElement} */ (row).dataset.share ?? ""] ?? 0;
    /** @type {HTMLElement} */ (row).hidden = !share; // nothing is claimed where nobody speaks
    $("dd", row).textContent = say.percent(share);
    $("meter", row).value = share;
  }
}

/** Fill the sheet that tells how a picture was made. @param {Item} item */
export async function made(item) {
  $("#made-alt").textContent = item.alt;
  const list = $("#made-facts"), note = $("#made-note");
  list.replaceChildren();
  note.textContent = "";
  const answer = await asked(item);
  const { generator, seed, strength, date } = answer?.made ?? {};
  const rows = Object.entries({
    generator,
    seed,
    strength: strength == null ? null : say.strength(Math.round(strength)),
    date: date && say.date(date),
  }).filter(([, value]) => value != null);
  list.replaceChildren(
    ...rows.map(([name, value]) => el("div", {},
      el("dt", { textContent: say.made[/** @type {"seed"} */ (name)] }), el("dd", { className: "num", textContent: value }))),
  );
  note.textContent = !answer ? say.made.unknown : item.ai ? "" : say.made.none;
  note.hidden = !note.textContent;
}
