"use strict";
const root = document.documentElement;
const cards = [...document.querySelectorAll(".card")];

/** Show one of the two languages that the page holds. */
function speak(language) {
  root.dataset.language = language;
  root.lang = language === "zh" ? "zh-CN" : "en";
  document.title = document.querySelector(`h1 .${language}`).textContent;
  for (const button of document.querySelectorAll("#languages button")) {
    button.setAttribute("aria-pressed", String(button.value === language));
  }
}

/** Show the answers that the chosen set and result admit, and how many they are. */
function filter() {
  const chosen = Object.fromEntries(new FormData(document.getElementById("filters")));
  let shown = 0;
  for (const card of cards) {
    const fits = ["set", "result"].every((name) => chosen[name] === "all" || card.dataset[name] === chosen[name]);
    card.hidden = !fits;
    shown += fits;
  }
  for (const place of document.querySelectorAll("#shown b")) place.textContent = shown;
  document.getElementById("none").hidden = shown > 0;
}

for (const button of document.querySelectorAll("#languages button")) {
  button.addEventListener("click", () => speak(button.value));
}
document.getElementById("languages").hidden = false;
speak(root.dataset.language);
if (cards.length) {
  const form = document.getElementById("filters");
  form.addEventListener("change", filter);
  form.hidden = false;
  filter();
}
