// Says that something changed since the page was made; never moves text. Without script, nothing is missing.
"use strict";
(() => {
  const bar = document.getElementById("changements");
  if (!bar) return;
  const words = bar.querySelector("span");
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/changements?vu=" + bar.dataset.seen, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { count } = await answer.json();
      if (count > 0) {
        words.textContent = bar.dataset.words.replace("{count}", count);
        bar.hidden = false;
      }
    } catch {
      // The network is away: the next look tells.
    }
  };
  setInterval(look, 30000);
})();
