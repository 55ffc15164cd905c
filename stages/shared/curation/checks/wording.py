"""Checks of how a question and its answer are put, in both languages."""

import re

from stages.shared.curation.rows import Verdict
from stages.shared.curation.source import Source
from stages.shared.params import Curate
from stages.shared.records import Pair
from stages.shared.text import gives_away, squeezed

# A question that only makes sense beside its source, in both languages. "The text editor" and 文本框 are no such thing.
SOURCE = r"(?:text|passage|excerpt|snippet|fragment)"
SHOWN = r"(?:table|figure|diagram|image|picture|screenshot|chart|list|code|example)"
BEHIND = r"(?=\s*(?:[?.,;:!]|$|above|below|about|is\b|are\b|does|do\b|say|state|mention|describe|explain|list|show|provide|give|contain|cover))"
POINTS_AT_SOURCE = re.compile(
    rf"\b(?:the|this) (?:above|following|given|provided|preceding) (?:{SOURCE}|{SHOWN}|section|context|content|document|paragraph|step|option|parameter|statement|information)s?\b"
    rf"|\b(?:the {SOURCE}|this (?:{SOURCE}|section|paragraph|article|chapter|page|document|context|{SHOWN})){BEHIND}"
    rf"|\b(?:{SOURCE}|section|table|paragraph|figure) (?:above|below)\b"
    rf"|\b(?:according to|based on|from|in|by) (?:the|this|that) (?:{SOURCE}|context|article|author|paragraph|document){BEHIND}"
    r"|\b(?:above|afore|before)-?mentioned\b|\b(?:mentioned|described|shown|listed|defined|stated|given) (?:above|below|earlier|previously|in the (?:text|passage|document|context))\b"
    r"|\bwhich of the following\b|\bthe author\b"
    r"|(?<!线)上文(?!档|件)|(?<!以)上述|前文(?!件|档)|文本片段|(?:前面|上面|下面)(?:所?提到|提及|所?说|介绍|描述|的(?:文本|内容|代码|表格?|例子|示例|步骤|段落|文字))"
    r"|(?<![样版])(?:该|本|此|这个|这段|这篇)(?:片段|文本|段落|段?文字|文章|章节?|小?节|页面?|示例|例子|图片?|表格)(?!框|域|编辑|字段|文件|式|号|数|码|大小|流|点|奏|能|电|约|省|形|层|纸|像|标)"
    r"|(?:根据|依据|按照|从)所?(?:提供|给出|上述|给定)的?(?:文本|内容|片段|资料|文档|上下文|信息)"
    r"|(?:(?:根据|依据|按照|如|见|从|在|^|[，,：:])\s*)(?:文中|[上下]图(?!形|层|像|纸|标)|图中|[上下]表(?!格?单|面|达)|表中|本文(?!档|件|字|本)|本[节章](?!点|程))"
    r"|以下(?:文本|内容|代码|片段|表格|哪|选项|示例|步骤|描述|说法)|下列",
    re.IGNORECASE,
)
POLITE = r"(?:请问|请你?|麻烦|能否|可否|你?能|说明|解释|介绍|描述|简述|概述|给出|列出|一下|\s|[，,：:])*"
UNRESOLVED = re.compile(
    rf"\A{POLITE}(?:它们?|其(?![他它实次余间一二三后])|此(?![外时刻起处前后类])|这(?![里])|那(?![么里])|该(?!如何|怎|不|用|选|在|从|把|由|去|何|是否|做|写|放|填|设|按|先|使|给|对|注意|怎么)|前者|后者|上者|两者)"
    r"|\A(?:please |could you |can you |explain |describe |tell me |say |and |so |but )*"
    r"(?:(?:what|how|why|when|where|which|who)\s+)?(?:(?:is|are|does|do|did|can|could|will|would|should|must|has|have|was|were|may|if|about)\s+)?"
    r"(?:it|its|they|their|theirs|them|these|those|this|that|he|she|his|her)\b"
    r"(?!'?s? (?:possible|necessary|required|recommended|allowed|safe|advisable|better|worth|mandatory|important|true|ok|okay|useful|sufficient|enough|take|takes|matter|mean to|cost|make sense)\b)"
    r"(?! (?:documentation|manual|guide|handbook)\b)",
    re.IGNORECASE,
)
SHOWS_MATERIAL = re.compile(r"following|this|above|below|以下|下列|下面|上面|上述|这|该|此|它|其|it", re.IGNORECASE)
PROMPT = re.compile(
    r"核心知识点|(?:个|条|提取|抽取|该|此)知识点|提取(?:出)?(?:\d|[一二三两])+.{0,4}(?:知识点|问答对?)|问答对|数据标注|标注员"
    r"|(?:只|仅)(?:输出|返回)\s*JSON|(?:instruction|input|output|evidence)(?:\s*[、,/和与]\s*(?:instruction|input|output|evidence))+"
    r"|\b(?:knowledge points?|question[- ]answer pairs?|Q&A pairs?|data (?:annotator|labell?er)|labell?ing (?:prompt|task|assistant)|"
    r"extract (?:\d|one|two|three).{0,20}(?:facts?|points?)|(?:answer|reply|respond) with (?:one )?JSON|copied word for word)\b"
    r"|逐字照抄|根据提供的文本片段",
    re.IGNORECASE,
)
REFUSAL = re.compile(
    r"(?:文(?:中|本|档|章|段)|原文|片段|上下文|资料|内容|材料)(?:中|里|内)?(?:并|均|都)?(?:未|没有?)(?:有|明确|直接|具体)*(?:提及|提到|说明|给出|提供|涉及|描述|指出|包含|介绍)"
    r"|(?:未|没有)(?:在(?:文|片段|资料|原文).{0,4})(?:提及|说明|给出)|无法(?:从|根据|依据)(?:文|提供|给定|上述|片段|资料|原文|上下文).{0,12}|(?:信息|内容|资料)不足.{0,4}无法|我(?:不知道|无法(?:回答|确定|提供))|作为(?:一个)?(?:AI|人工智能|大?语言模型)|^(?:抱歉|对不起|很遗憾)"
    r"|\b(?:not|never|isn't|aren't|is not|are not) (?:explicitly |directly |specifically )?(?:mentioned|stated|specified|provided|described|covered|given|discussed|included|defined)"
    r" (?:in|by|within) (?:the|this) (?:text|passage|document|documentation|context|excerpt|snippet|section|source|provided|given)"
    r"|\b(?:the|this) (?:text|passage|document|context|excerpt|snippet|provided \w+) (?:does not|doesn't|do not|fails to|did not) (?:\w+ )?(?:mention|state|specify|provide|say|describe|contain|cover|include|give|explain|list|discuss)"
    r"|\b(?:there is )?(?:no|insufficient|not enough) (?:information|details?|mention)(?: is)?(?: \w+)?(?: \w+)? (?:in|from|by|about this in|to answer)\b"
    r"|\bI (?:do not|don't|can't|cannot|am not able to|am unable to|'m unable to)\b.{0,20}\b(?:know|answer|determine|find|provide|tell|help)\b|\bas an? (?:AI|(?:large )?language model)\b|^(?:sorry|unfortunately|I apologi[sz]e)\b|\bcannot be (?:determined|answered|inferred) from\b",
    re.IGNORECASE | re.MULTILINE,
)


def answer_not_in_question(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """A question that contains its answer teaches nothing."""
    given = gives_away(f"{pair['instruction']}\n{pair['input']}", pair["output"])
    return Verdict(pair["output"], "not in the question") if given else None


def stands_alone(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """The question neither points at its source nor begins with a pronoun for something not named yet. Where there is
    an input, "the following code" is that."""
    found = POINTS_AT_SOURCE.search(pair["instruction"]) or UNRESOLVED.match(pair["instruction"])
    if not found or (pair["input"].strip() and SHOWS_MATERIAL.search(found[0])):
        return None
    return Verdict(found[0], "understood without the source")


def quotes_no_prompt(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """Neither question nor answer repeats what a labelling prompt says, unless the chunk does."""
    for text in (pair["instruction"], pair["output"]):
        found = PROMPT.search(text)
        if found and squeezed(found[0]) not in source.squeezed:
            return Verdict(found[0], "no words of the labelling prompt")
    return None


def no_refusal(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """The answer is one: it does not say that the text says nothing, unless it quotes the chunk."""
    found = REFUSAL.search(pair["output"])
    if found and squeezed(found[0]) not in source.squeezed:
        return Verdict(found[0], "an answer")
    return None
