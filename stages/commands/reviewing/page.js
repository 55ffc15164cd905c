"use strict";
// The page of `doclore review`. Text of the data enters the document through textContent only, never as markup.

const WORDS = {
  en: {
    verdict: "verdict", none: "not judged", all: "all", any: "judged", accepted: "accepted", rejectedByPeople: "rejected",
    edited: "edited", check: "check", page: "page", score: "score", search: "question has", question: "Question",
    input: "Input", answer: "Answer", save: "Save", cancel: "Cancel", note: "Note", accept: "Accept", reject: "Reject",
    edit: "Edit", undo: "Undo", close: "Close", kept: "kept", empty: "No pairs match these filters.",
    found: "found", wanted: "accepted is", gone: "verdicts without a pair", closest: "closest", move: "Move the verdict there",
    drop: "Drop the verdict", nothing: "no pair is close", own: "your own data", alike: "alike",
    show: "show", facts: "one row per fact", wordings: "one row per wording", order: "order", doubt: "most doubtful first",
    byPage: "by page", also: "Also asked", times: "wordings", whole: "A verdict applies to all wordings; W shows each one separately.",
    keys: "A accept · R reject · E edit · U undo · J ↓ next · K ↑ previous · W facts or wordings · N note · / search · Esc leave a field",
  },
  zh: {
    verdict: "审阅", none: "未审", all: "全部", any: "已审", accepted: "已采纳", rejectedByPeople: "已拒绝", edited: "已修改",
    check: "检查", page: "页面", score: "评分", search: "问题包含", question: "问题", input: "输入", answer: "答案",
    save: "保存", cancel: "取消", note: "备注", accept: "采纳", reject: "拒绝", edit: "修改", undo: "撤销", close: "关闭",
    kept: "保留", empty: "没有符合条件的问答对。", found: "发现", wanted: "要求", gone: "条审阅已无对应问答对", closest: "最接近",
    move: "将审阅移到该问答对", drop: "删除该审阅", nothing: "没有相近的问答对", own: "自有数据", alike: "相似",
    show: "显示", facts: "每个事实一行", wordings: "每种问法一行", order: "排序", doubt: "最可疑的在前", byPage: "按页面",
    also: "其他问法", times: "种问法", whole: "审阅结果适用于所有问法；按 W 逐个显示。",
    keys: "A 采纳 · R 拒绝 · E 修改 · U 撤销 · J ↓ 下一条 · K ↑ 上一条 · W 事实或问法 · N 备注 · / 搜索 · Esc 离开输入框",
  },
};
const language = navigator.language.startsWith("zh") ? "zh" : "en";
const words = WORDS[language];
const $ = (id) => document.getElementById(id);
const token = location.hash.slice(1);
const filters = $("filters");

let rows = []; // what is listed: {pair_id, question, fate, check, verdict}
let count = 0; // rows under the filters, listed or not
let judged = 0; // of these, with a verdict
let at = -1; // index of the row in sight
let row = null; // all of it
let busy = false; // a verdict is on its way: a second key press must not judge the next pair

async function api(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`/api/${path}`, { ...options, headers: { "x-token": token, "content-type": "application/json" } });
  const value = await response.json();
  if (!response.ok) throw new Error(value.error);
  return value;
}

function told(error) {
  $("error").textContent = error instanceof TypeError ? "doclore review has ended" : error.message;
  $("error").hidden = false;
  clearTimeout(told.timer);
  told.timer = setTimeout(() => { $("error").hidden = true; }, 6000);
}

const whole = () => filters.elements.group.value === "facts"; // verdicts are on all wordings of a fact

const guarded = (work) => (...given) => work(...given).catch(told);

function element(name, text, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.textContent = text;
  return made;
}

function query(start) {
  const given = new URLSearchParams(new FormData(filters));
  given.set("start", start);
  return given;
}

const load = guarded(async () => {
  const turn = (load.turn = (load.turn || 0) + 1);
  const answer = await api(`rows?${query(0)}`);
  if (turn !== load.turn) return; // the filters changed since
  ({ rows, count, judged } = answer);
  [at, row] = [-1, null];
  $("list").replaceChildren(...rows.map(listed));
  await show(rows.length ? 0 : -1);
});

async function loadMore() {
  // Rows judged since then have left the filter "not judged" on the server: what is still in it was given already.
  const wanted = filters.elements.verdict.value;
  const given = rows.filter((one) => wanted !== "none" || !one.verdict).length;
  const known = new Set(rows.map((one) => one.pair_id));
  const answer = await api(`rows?${query(given)}`);
  const more = answer.rows.filter((one) => !known.has(one.pair_id));
  rows.push(...more);
  $("list").append(...more.map(listed));
  return more.length > 0;
}

function listed(one) {
  const item = element("li", "");
  const many = whole() && one.wordings > 1 ? ` · ${one.wordings} ${words.times}` : "";
  item.append(element("span", one.question), element("small", (one.check || one.fate) + many));
  item.dataset.verdict = one.verdict;
  item.addEventListener("click", guarded(() => show(rows.indexOf(one))));
  return item;
}

async function show(index) {
  // The row and its index change together, or a key pressed meanwhile would judge one pair and mark another.
  const turn = (show.turn = (show.turn || 0) + 1);
  const found = index < 0 ? null : await api(`row?${new URLSearchParams({ pair_id: rows[index].pair_id })}`);
  if (turn !== show.turn) return; // another row was asked for since
  [at, row] = [index, found];
  for (const item of $("list").querySelectorAll("[aria-current]")) item.removeAttribute("aria-current");
  for (const id of ["pair", "source"]) $(id).hidden = !row;
  $("empty").hidden = Boolean(row);
  close();
  if (row) {
    $("list").children[at].setAttribute("aria-current", "true");
    $("list").children[at].scrollIntoView({ block: "nearest" });
    paint();
  }
  progress();
}

function paint() {
  const now = { ...row, ...(row.review?.text ? Object.fromEntries(Object.entries(row.review.text).filter(([, text]) => text !== null)) : {}) };
  for (const name of ["instruction", "input", "output"]) $(name).textContent = now[name];
  $("input-box").hidden = !now.input;
  const turns = [...(row.system ? [{ role: "system", content: row.system }] : []), ...(row.messages || []).slice(0, -2)];
  $("talk").replaceChildren(...turns.map((turn) => element("p", `${turn.role}: ${turn.content}`)));
  $("also").hidden = !row.wordings.length;
  $("also-whole").hidden = !whole();
  $("also-asked").replaceChildren(...row.wordings.slice(0, 50).map((one) => {
    const item = element("li", one.question);
    item.dataset.verdict = one.verdict;
    return item;
  }));
  $("fate").textContent = row.fate === "rejected" ? row.check : row.fate;
  $("fate").dataset.fate = row.fate;
  $("score").hidden = row.score === undefined;
  $("score").textContent = `${words.score} ${row.score}`;
  $("verdict").hidden = !row.review;
  $("verdict").textContent = row.review ? words[row.review.verdict] : "";
  $("verdict").dataset.verdict = row.review?.verdict || "";
  $("id").textContent = row.pair_id;
  $("reason").hidden = row.fate !== "rejected";
  $("reason").textContent = row.fate === "rejected" ? `${words.found}: ${plain(row.value)} · ${words.wanted}: ${plain(row.threshold)}` : "";
  $("note").value = row.review?.note || "";
  $("place").textContent = `${row.path}:${row.line_start}${row.line_end > row.line_start ? `–${row.line_end}` : ""}`;
  $("headings").textContent = row.chunk ? row.chunk.headings.join(" › ") : words.own;
  paintSource();
  $("pair").scrollTop = 0;
}

function plain(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return String(value);
  return Object.entries(value).map(([name, word]) => `${name} ${word}`).join(", ");
}

function paintSource() {
  // Places are counted in code points, as Python counts them.
  const text = Array.from(row.chunk?.text || "");
  const [first, behind] = row.marked || [0, 0];
  const mark = element("mark", text.slice(first, behind).join(""));
  $("chunk").replaceChildren(text.slice(0, first).join(""), ...(behind ? [mark] : []), text.slice(behind).join(""));
  $("source").scrollTop = behind ? Math.max(0, mark.offsetTop - $("source").offsetTop - 120) : 0;
}

function progress() {
  $("progress").max = Math.max(count, 1);
  $("progress").value = judged;
  $("count").textContent = `${judged} / ${count}`;
  for (const id of ["accept", "reject", "edit"]) $(id).disabled = !row;
}

const judge = guarded(async (verdict, text) => {
  if (!row || busy) return;
  busy = true;
  try {
    const note = $("note").value.trim();
    const body = { pair_id: row.pair_id, verdict, note, whole: whole(), ...(text ? { text } : {}) };
    await api("judge", body);
    if (!rows[at].verdict) judged += 1;
    marked(at, verdict);
    await step(1);
  } finally {
    busy = false;
  }
});

function marked(index, verdict) {
  rows[index].verdict = verdict;
  $("list").children[index].dataset.verdict = verdict;
}

async function step(by) {
  if (at + by >= rows.length && rows.length < count) await loadMore();
  await show(Math.min(Math.max(at + by, 0), rows.length - 1));
}

const undo = guarded(async () => {
  const { pair_id, pair_ids } = await api("undo", {});
  if (rows.filter((one) => pair_ids.includes(one.pair_id)).length > 1) return load();
  const index = rows.findIndex((one) => one.pair_id === pair_id);
  if (index >= 0) {
    await show(index);
    const before = row.review?.verdict || "";
    judged += (before ? 1 : 0) - (rows[index].verdict ? 1 : 0);
    marked(index, before);
    progress();
  } else if (pair_id) {
    await load();
  }
  return undefined;
});

function open() {
  if (!row) return;
  for (const name of ["instruction", "input", "output"]) $("editor").elements[name].value = $(name).textContent;
  $("editor").hidden = false;
  $("reading").hidden = true;
  $("editor").elements.output.focus();
}

function close() {
  $("editor").hidden = true;
  $("reading").hidden = false;
  document.activeElement?.blur();
}

function save() {
  // What differs from the row is the edit; what an earlier edit changed stays in it.
  const text = {};
  for (const name of ["instruction", "input", "output"]) {
    const value = $("editor").elements[name].value;
    if (value !== row[name] || typeof row.review?.text?.[name] === "string") text[name] = value;
  }
  return Object.keys(text).length ? judge("edit", text) : judge("accept");
}

const showOrphans = guarded(async () => {
  const lost = await api("orphans");
  $("orphans").hidden = !lost.length;
  $("orphans").textContent = `${lost.length} ${words.gone}`;
  $("dialog-text").replaceChildren(...lost.map(orphan));
  if (!lost.length && $("dialog").open) $("dialog").close();
});

function orphan(one) {
  const box = element("div", "", { className: "orphan" });
  box.append(element("p", `${words[one.review.verdict]}: ${one.review.question || one.review.pair_id}`));
  const near = one.pair_id ? `${words.closest} (${one.similarity} % ${words.alike}): ${one.question}` : words.nothing;
  box.append(element("p", near));
  const act = (path, body) => guarded(async () => { await api(path, body); await showOrphans(); await load(); });
  const move = element("button", words.move, { type: "button", hidden: !one.pair_id });
  move.addEventListener("click", act("adopt", { orphan: one.review.pair_id, pair_id: one.pair_id }));
  const drop = element("button", words.drop, { type: "button" });
  drop.addEventListener("click", act("withdraw", { pair_id: one.review.pair_id }));
  box.append(move, " ", drop);
  return box;
}

function other() {
  filters.elements.group.value = whole() ? "wordings" : "facts";
  return load();
}

const KEYS = {
  a: () => judge("accept"), r: () => judge("reject"), e: open, u: undo,
  j: guarded(() => step(1)), ArrowDown: guarded(() => step(1)), k: guarded(() => step(-1)), ArrowUp: guarded(() => step(-1)),
  w: other, n: () => $("note").focus(), "/": () => filters.elements.text.focus(), "?": help,
};

function help() {
  $("dialog-text").replaceChildren(element("p", words.keys));
  $("dialog").showModal();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && typing) return close();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !$("editor").hidden) return save();
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("dialog").open || !act) return undefined;
  event.preventDefault();
  return act();
});

function filled(overview) {
  const option = (value, text) => element("option", text, { value });
  const check = filters.elements.check;
  check.append(option("", words.all));
  for (const [fate, number] of Object.entries(overview.fates)) check.append(option(fate, `${fate} (${number})`));
  for (const [name, number] of Object.entries(overview.checks)) check.append(option(name, `· ${name} (${number})`));
  $("paths").append(...overview.paths.map((path) => option(path, "")));
  filters.querySelector(".score").classList.toggle("on", overview.scored);
}

const start = guarded(async () => {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
  $("empty").textContent = words.empty;
  $("help").title = words.keys;
  let waiting;
  const list = document.querySelector("nav");
  list.addEventListener("scroll", guarded(async () => {
    const near = list.scrollTop + list.clientHeight > list.scrollHeight - 400;
    if (near && rows.length < count && !waiting) {
      waiting = true;
      await loadMore().finally(() => { waiting = undefined; });
    }
  }));
  filters.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(load, 150); });
  filters.addEventListener("submit", (event) => event.preventDefault());
  $("editor").addEventListener("submit", (event) => { event.preventDefault(); save(); });
  const buttons = { accept: KEYS.a, reject: KEYS.r, edit: open, undo, next: KEYS.j, back: KEYS.k, cancel: close, help };
  for (const [id, act] of Object.entries(buttons)) $(id).addEventListener("click", act);
  $("orphans").addEventListener("click", () => $("dialog").showModal());
  filled(await api("overview"));
  await load();
  await showOrphans();
});

start();
