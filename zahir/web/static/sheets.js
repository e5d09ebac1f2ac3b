/** Sheets: native dialogs that close by a word, Escape, or a click beside them; and the settings on the one of keys. */

import { $ } from "./dom.js";
import { lettersOn, setLetters } from "./keys.js";
import { say } from "./strings.en.js";

/** Open; the browser gives the focus back to the opener afterwards. @param {HTMLDialogElement} dialog */
export function open(dialog) {
  if (!dialog.open) dialog.showModal();
}

/** Whether letter keys act: a switch that says its state in words. */
function letters() {
  const button = $("#letters");
  const draw = () => {
    button.ariaChecked = String(lettersOn());
    button.textContent = lettersOn() ? say.keysOn : say.keysOff;
  };
  button.addEventListener("click", () => {
    setLetters(!lettersOn());
    draw();
  });
  draw();
}

/** Which room it is: dark, light, or as the system has it. */
function room() {
  const root = document.documentElement;
  for (const input of document.querySelectorAll("[name=room]")) {
    const choice = /** @type {HTMLInputElement} */ (input);
    choice.checked = choice.value === root.dataset.theme;
    choice.addEventListener("change", () => {
      root.dataset.theme = choice.value;
      localStorage.setItem("zahir.theme", choice.value);
    });
  }
}

/** Wire the settings on the sheet of keys. */
export function settings() {
  letters();
  room();
}

/** Wire every sheet of the page. */
export function sheets() {
  for (const dialog of document.querySelectorAll("dialog")) {
    $("[data-close]", dialog).addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }
}
