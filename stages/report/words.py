"""What the page says, in English and Chinese. Both stand in the page; the switch shows one.

A text may hold mark-up of ours; values that are put into it are escaped.
"""

import math
import re
from typing import Any

from markupsafe import Markup

Text = tuple[str, str]  # English, Chinese

WORDS: dict[str, Text] = {
    "title": ("What {model} learned from {docs}", "{model} 从 {docs} 学到了什么"),
    "report": ("doclore report", "doclore 报告"),
    # In short
    "lead_exam": (
        "Your exam: the tuned model answers <strong>{tuned}</strong> right by itself, the base model {base} ({rests}).",
        "自备考题：微调后的模型凭自身记忆答对 <strong>{tuned}</strong>，底座模型为 {base}（{rests}）。",
    ),
    "lead_eval_seen": (
        "Of what it was trained on, it knows <strong>{tuned}</strong> when asked in words it never saw, the base model "
        "{base} ({rests}).",
        "对训练过的事实，换成从未见过的问法，它答对 <strong>{tuned}</strong>，底座模型为 {base}（{rests}）。",
    ),
    "lead_eval_unseen": (
        "On pages it never saw it is right in {tuned}, the base model in {base} ({rests}).",
        "对从未训练过的页面，它答对 {tuned}，底座模型为 {base}（{rests}）。",
    ),
    "lead_doubtless": (
        "{set}: {share} of its answers are wrong and do not say so.",
        "{set}：有 {share} 的回答是错的，却没有表示不确定。",
    ),
    "lead_search_better": (
        "It beats a search with the base model: {tuned} against {search} of {rows} questions put to both.",
        "它胜过“搜索加底座模型”：在两者都回答的 {rows} 个问题上，{tuned} 对 {search}。",
    ),
    "lead_search_worse": (
        "A search with the base model does better: {search} against {tuned} of {rows} questions put to both.",
        "“搜索加底座模型”更好：在两者都回答的 {rows} 个问题上，{search} 对 {tuned}。",
    ),
    "lead_search_like": (
        "A search with the base model does about as well: {search} against {tuned} of {rows} questions put to both.",
        "“搜索加底座模型”与它不相上下：在两者都回答的 {rows} 个问题上，{search} 对 {tuned}。",
    ),
    "next": ("Next", "下一步"),
    "next_promote": ("Publish it: `doclore promote`.", "可以发布：`doclore promote`。"),
    "next_exam": (
        "Ask it what people ask: put questions of your own into data/exam with `doclore exam add`.",
        "用真实的问题考它：用 `doclore exam add` 把自己的问题放进 data/exam。",
    ),
    "next_gate": (
        "See below why the gate is not passed.",
        "查看下方未通过门槛的原因。",
    ),
    "next_endless": (
        "Most wrong answers do not end: train longer, or raise `evaluate.max_new_tokens`.",
        "错误的回答大多没有结束：延长训练，或调大 `evaluate.max_new_tokens`。",
    ),
    "next_reads": (
        "{n} of the wrong answers are right with the passage in the prompt: put a search before the model, or train it on "
        "more wordings and for more epochs.",
        "有 {n} 个错误回答在给出段落后答对：在模型前加上搜索，或增加问法与训练轮数。",
    ),
    "next_misreads": (
        "{n} of the wrong answers stay wrong with the passage in the prompt: take a larger base model.",
        "有 {n} 个错误回答在给出段落后仍然答错：换用更大的底座模型。",
    ),
    "next_learn": (
        "Train on more wordings of each fact and for more epochs.",
        "为每个事实增加问法，并增加训练轮数。",
    ),
    "lead_none": ("No held-out question was measured.", "没有测量任何留出的问题。"),
    "gap_recovery": ("Gap recovery", "差距弥补率"),
    "gap_note": (
        "how much of what the right passage would add to the base model, the tuned model knows by itself",
        "正确段落能给底座模型带来的提升，微调模型凭自身记忆做到了多少",
    ),
    "gap_none": (
        "cannot be told: the passage does not make the base model better here",
        "无法计算：在这里，给出段落并没有让底座模型答得更好",
    ),
    "gap_unsure": (
        "no interval can be told: the passage brings the base model {gap} points, 95% interval {low} to {high}",
        "无法给出区间：段落给底座模型带来 {gap} 个百分点，95% 区间 {low} 至 {high}",
    ),
    "gain": ("Tuned − base", "微调 − 底座"),
    "new_knowledge": ("Tuned, where the base was wrong", "微调，底座答错的问题"),
    "gain_note": ("more answers with the right values, closed-book", "不看文档时，答对关键值的比例之差"),
    "interval": ("95% interval {low} to {high}", "95% 区间 {low} 至 {high}"),
    "points": ("points", "个百分点"),
    "gate": ("Gate", "门槛"),
    "gate_passed": ("Passed", "通过"),
    "gate_failed": ("Failed", "未通过"),
    "gate_passed_note": ("good enough for `doclore promote`", "可以用 `doclore promote` 发布"),
    # What was asked
    "asked": ("What was asked", "问了什么"),
    "asked_note": (
        "The share of answers that state the key values of the fact: its numbers with units, names, flags and code. The "
        "line is the 95% interval, from bootstrap samples of pages.",
        "回答中给出了事实关键值（数字与单位、名称、参数、代码）的比例。横线为 95% 区间，由按页面的自助抽样得到。",
    ),
    "exam": ("Your exam", "自备考题"),
    "eval_seen": ("Trained facts", "训练过的事实"),
    "eval_unseen": ("Untrained pages", "未训练的页面"),
    "exam_note": (
        "{rows} questions of your own from data/exam, which are never trained: does it help the people who ask?",
        "{rows} 个自备问题，来自 data/exam，从不参与训练：能帮到提问的人吗？",
    ),
    "eval_seen_note": (
        "{rows} questions in wordings that were never trained: did it learn?",
        "{rows} 个问题，问法从未训练过：学会了吗？",
    ),
    "eval_unseen_note": (
        "{rows} questions about pages that were never trained: does it invent?",
        "{rows} 个问题，来自从未训练过的页面：会编造吗？",
    ),
    "by_tag": ("Your exam by tag", "自备考题，按标签"),
    "tag": ("Tag", "标签"),
    "rests_on": ("It rests on {pages} pages.", "依据 {pages} 个页面。"),
    "one_page": (
        "It rests on one page, so there is no interval.",
        "只依据一个页面，因此没有区间。",
    ),
    "wording_note": (
        "Likeness to the nearest trained question: {p50} in the middle, {p100} at most; {near} are near-duplicates.",
        "与最相近的训练问题的相似度：中位数 {p50}，最高 {p100}；{near} 为近似重复。",
    ),
    "base_closed": ("Base, closed-book", "底座，不看文档"),
    "tuned_closed": ("Tuned, closed-book", "微调，不看文档"),
    "base_gold": ("Base, with the passage", "底座，给出段落"),
    "tuned_gold": ("Tuned, with the passage", "微调，给出段落"),
    "base_retrieved": ("Base, with search", "底座，给出搜索结果"),
    "search_found": (
        " The search found the right passage for {found} of {rows} questions.",
        "在 {rows} 个问题中，搜索为 {found} 个找到了正确的段落。",
    ),
    # Where it fails
    "fails": ("Where it fails", "错在哪里"),
    "learned": ("learned", "学会"),
    "known": ("known before", "原本就会"),
    "lost": ("lost", "丢失"),
    "wrong": ("still wrong", "仍然答错"),
    "fails_note": (
        "Learned: wrong before training, right after it. Lost: the other way round.",
        "学会：训练前答错，训练后答对。丢失：正好相反。",
    ),
    "why_wrong": ("Of the {n} wrong answers", "在 {n} 个错误回答中"),
    "why_none": ("No answer is wrong.", "没有错误的回答。"),
    "reads": (
        "{n} right once the passage lies before the question: the model can read it and has not learned it",
        "{n} 个在给出段落后答对：能读懂，但没有学会",
    ),
    "misreads": (
        "{n} wrong even with the passage: the question, the passage or the model's size is the limit",
        "{n} 个给出段落后仍然答错：受限于问题、段落或模型的大小",
    ),
    "unasked": ("{n} not asked with the passage", "{n} 个没有在给出段落的情况下提问"),
    "endless": ("{n} not ended by the model itself", "{n} 个没有自行结束"),
    "by_page": ("Pages with the most wrong answers", "答错最多的页面"),
    "page": ("Page", "页面"),
    # Answers
    "answers": ("Answers side by side", "回答对照"),
    "answers_note": (
        "{shown} of {rows} questions, the worst first. Half of them are the worst of their set, the others were drawn by "
        "hash. Tinted: what the reference lacks, and in the reference what the tuned answer lacks.",
        "共 {rows} 个问题中的 {shown} 个，最差的在前；一半是各自集合中最差的，其余按哈希抽取。"
        "着色部分：参考答案中没有的内容；在参考答案中，则是微调模型的回答缺少的内容。",
    ),
    "set": ("Set", "集合"),
    "result": ("Tuned answer", "微调模型的回答"),
    "all": ("All", "全部"),
    "right": ("Right", "正确"),
    "not_right": ("Wrong", "错误"),
    "count": ("{shown} shown", "显示 {shown} 个"),
    "base": ("Base", "底座"),
    "tuned": ("Tuned", "微调"),
    "reference": ("Reference", "参考答案"),
    "nearest": ("nearest trained question", "最相近的训练问题"),
    "unended": ("not ended", "未结束"),
    "empty": ("(empty)", "（空）"),
    "cut": ("… {n} more characters", "……另有 {n} 个字符"),
    "with_context": ("Answers with a passage before the question", "给出段落时的回答"),
    "found": ("search found the passage", "搜索找到了该段落"),
    "not_found": ("search did not find the passage", "搜索没有找到该段落"),
    "lines": ("lines {first} to {last}", "第 {first} 至 {last} 行"),
    "chunk": ("chunk", "文本块"),
    "open_file": ("Open {path}", "打开 {path}"),
    "no_answers": ("No question fits these filters.", "没有符合筛选条件的问题。"),
    # Figures
    "figures": ("All figures", "全部指标"),
    "cell": ("Cell", "情形"),
    "rows": ("Rows", "行数"),
    "key_values": ("Key values", "关键值"),
    "interval_head": ("95% interval", "95% 区间"),
    "exact_match": ("Exact", "完全一致"),
    "length_ratio": ("Length", "长度比"),
    "stopped": ("Ended", "自行结束"),
    "refused": ("Refused", "拒答"),
    "loss": ("Loss", "损失"),
    "perplexity": ("Perplexity", "困惑度"),
    "judge": ("What the judge says", "裁判的结论"),
    "correct": ("Correct", "正确"),
    "incorrect": ("Incorrect", "错误"),
    "not_attempted": ("Not attempted", "未作答"),
    "correct_judged": ("judge: correct", "裁判：正确"),
    "incorrect_judged": ("judge: incorrect", "裁判：错误"),
    "not_attempted_judged": ("judge: not attempted", "裁判：未作答"),
    "preferred": ("Judge prefers, closed-book", "裁判认为更好，不看文档"),
    "preferred_shares": ("tuned {tuned}, base {base}, neither {tie}", "微调 {tuned}，底座 {base}，不分高下 {tie}"),
    "forgetting": ("General benchmarks", "通用基准"),
    "change": ("Change, 95% interval", "变化的 95% 区间"),
    "task": ("Task", "任务"),
    # How it came about
    "came": ("How it came about", "怎样得来"),
    "funnel": ("From pages to trained rows", "从页面到训练数据"),
    "pages": ("pages", "页面"),
    "chunks": ("chunks", "文本块"),
    "pairs": ("pairs", "问答对"),
    "kept": ("kept", "保留"),
    "trained": ("trained", "用于训练"),
    "per": ("{n} for each", "平均每个 {n}"),
    "of_before": ("{n} of them", "其中的 {n}"),
    "not_trained": ("Not trained", "未用于训练"),
    "dropped": ("longer than format.max_length", "超过 format.max_length"),
    "held_out": ("held out: {what}", "留作评估：{what}"),
    "rejected_by": ("rejected: {what}", "被拒绝：{what}"),
    "pipeline": ("Stages", "各阶段"),
    "stage": ("Stage", "阶段"),
    "made": ("What it made", "产出"),
    "time": ("Last run here", "本机上次用时"),
    "coverage": ("Coverage by section", "各部分的覆盖情况"),
    "coverage_note": (
        "Each tile is a directory or page, as large as its chunks are many; the colour says how many of them a kept pair "
        "asks about: {covered} of {chunks} in all.",
        "每个方块是一个目录或页面，面积为其文本块数；颜色表示其中有多少被保留下来的问答对问到：共 {chunks} 块中的 {covered} 块。",
    ),
    "covered_share": ("Pages with a kept pair", "有保留问答对的页面"),
    "coverage_table": ("The sections as a table", "以表格显示各部分"),
    "section": ("Section", "部分"),
    "training": ("Training", "训练"),
    "learning_rate": ("Learning rate", "学习率"),
    "grad_norm": ("Gradient norm", "梯度范数"),
    "tokens_per_second": ("Tokens per second", "每秒词元数"),
    "by_step": (
        "Each over the {n} steps of the run; beside its name the first value and the last.",
        "横轴为训练步数，共 {n} 步；名称旁为首值与末值。",
    ),
    # Parameters
    "parameters": ("Parameters and hashes", "参数与哈希"),
    "setting": (
        "Base model `{model}`, LoRA of rank {rank} with alpha {alpha}, format `{mode}`, seed {seed}. Below: all of params.yaml "
        "as it was when this page was written.",
        "底座模型 `{model}`，LoRA 秩 {rank}、alpha {alpha}，格式 `{mode}`，随机种子 {seed}。下面是生成本页时的全部 params.yaml。",
    ),
    "hash_of": ("File", "文件"),
    "model": ("tuned model", "微调后的模型"),
    "template": ("chat template", "对话模板"),
    "made_by": (
        "Made by doclore from reports/, data/ and params.yaml. The times are those of this machine; all else follows from "
        "documentation and parameters.",
        "由 doclore 根据 reports/、data/ 与 params.yaml 生成。用时取自本机，其余内容均由文档与参数决定。",
    ),
}

# What a figure rests on: questions about no known pages, about one, about several.
RESTS_ON: tuple[Text, Text, Text] = (
    ("{rows} questions", "{rows} 个问题"),
    ("{rows} questions about one page", "一个页面的 {rows} 个问题"),
    ("{rows} questions about {pages} pages", "{pages} 个页面的 {rows} 个问题"),
)

# Why the gate failed, by the names of evaluate/gate.py's checks.
GATE: dict[str, Text] = {
    "no_rows": (
        "{set}: no question was measured, so nothing shows whether the model learned",
        "{set}：没有测量任何问题，无法看出模型是否学会",
    ),
    "min_gain": (
        "{set}: the gain in key values is {value} points, below `gate.min_gain` = {limit}",
        "{set}：关键值的提升为 {value} 个百分点，低于 `gate.min_gain` = {limit}",
    ),
    "one_page": (
        "{set}: all questions are about one page, so the gain may be chance",
        "{set}：所有问题都出自同一页面，提升可能只是偶然",
    ),
    "chance": (
        "{set}: the interval of the gain begins at {value} points, so it may be chance",
        "{set}：提升的区间下限为 {value} 个百分点，可能只是偶然",
    ),
    "min_stopped": (
        "{set}: {value} of the answers end by themselves, below `gate.min_stopped` = {limit}",
        "{set}：只有 {value} 的回答自行结束，低于 `gate.min_stopped` = {limit}",
    ),
    "max_forgetting": (
        "{task} fell by {value} points, more than `gate.max_forgetting` = {limit}",
        "{task} 下降了 {value} 个百分点，超过 `gate.max_forgetting` = {limit}",
    ),
}

# What a stage counts, behind the number.
COUNTED: dict[str, Text] = {
    "pages": WORDS["pages"],
    "duplicates": ("duplicates", "重复页面"),
    "chunks": WORDS["chunks"],
    "tokens": ("tokens", "词元"),
    "pairs": WORDS["pairs"],
    "kept": WORDS["kept"],
    "rejected": ("rejected", "拒绝"),
    "rows": ("rows", "行"),
    "words_lost": ("words that reached no page", "个词未进入任何页面"),
    "unread": ("places with syntax not understood", "处语法未识别"),
    "languages": ("(pages by language)", "（各语言页数）"),
    "supervised_tokens": ("tokens with loss", "计入损失的词元"),
    "steps": ("steps", "步"),
    "trainable_parameters": ("trained parameters", "可训练参数"),
    "parameters": ("parameters", "参数"),
    "bytes": ("bytes", "字节"),
    "questions": ("questions", "个问题"),
}


def both(key: str, **values: Any) -> Markup:
    """A text in both languages, with values put in."""
    return twice(WORDS[key], values)


def failed(failure: dict[str, Any]) -> Markup:
    """Why the gate failed, from what evaluate/gate.py writes: shares as points, but that of answers as a share."""
    values: dict[str, Any] = {key: failure[key] for key in ("task", "limit") if key in failure}
    values["set"] = WORDS[failure.get("set", "eval_seen")]
    if "value" in failure:
        points = f"{100 * failure['value']:+.1f}".removesuffix(".0")
        values["value"] = share(failure["value"]) if failure["check"] == "min_stopped" else points
    return twice(GATE[failure["check"]], values)


def named(key: str) -> Markup:
    """What a stage counts, in both languages; a name that is none of these says nothing more."""
    return twice(COUNTED[key], {}) if key in COUNTED else Markup("")


def twice(text: Text, values: dict[str, Any]) -> Markup:
    """The text in both languages; a value that is a pair is put in by language, too."""
    english, chinese = filled((Markup(coded(text[0])), Markup(coded(text[1]))), values)
    spans = Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh-CN">{}</span>')
    return spans.format(english, chinese)


def filled(text: Text, values: dict[str, Any]) -> Text:
    """The text with values put in, by language where a value is a pair."""
    english, chinese = (
        part.format(**{key: value[n] if isinstance(value, tuple) else value for key, value in values.items()})
        for n, part in enumerate(text)
    )
    return english, chinese


def in_english(key: str, values: dict[str, Any]) -> str:
    """A text for the terminal, without mark-up."""
    return re.sub(r"<[^>]+>", "", filled(WORDS[key], values)[0])


def coded(text: str) -> str:
    """Back-ticks as code elements."""
    parts = text.split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


def share(value: float) -> str:
    """A share from 0 to 1 as a percentage; what is not quite none or all does not look like it."""
    percent = round(100 * value)
    if percent == 0 < value:
        return "<1%"
    if percent == 100 and value < 1:
        return ">99%"
    return f"{percent}%"


def number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def seconds(value: float | None) -> str:
    """Seconds as h, min and s, the two largest."""
    if value is None:
        return "–"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def p_value(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def value(figure: Any) -> str:
    """A figure of a stage: numbers in groups of three digits, names as they are."""
    return f"{figure:,}" if isinstance(figure, int | float) and math.isfinite(figure) else str(figure)
