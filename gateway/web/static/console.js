// Tells that something changed, and lets the person decide when the page moves. Without script, nothing is missing.
"use strict";

(() => {
  const WARNED_BEFORE = 120;
  const box = document.getElementById("fin");
  if (!box) return;
  let timer;
  const arm = (left) => {
    clearTimeout(timer);
    box.hidden = true;
    timer = setTimeout(() => { box.hidden = false; }, Math.max(0, left - WARNED_BEFORE) * 1000);
  };
  arm(Number(box.dataset.left));
  document.getElementById("fin-rester")?.addEventListener("click", async () => {
    const answer = await fetch("/presence", { redirect: "manual" }).catch(() => null);
    if (answer && answer.ok) arm((await answer.json()).left);
    else location.assign(`/connexion?retour=${encodeURIComponent(location.pathname)}`);
  });
})();
