/* Chooses the room before the first paint, so that a light one never flashes dark: the one script that is no module. */
(() => {
  const wanted = new URLSearchParams(location.search).get("theme") ?? localStorage.getItem("zahir.theme");
  if (wanted && ["dark", "light", "auto"].includes(wanted)) document.documentElement.dataset.theme = wanted;
})();
