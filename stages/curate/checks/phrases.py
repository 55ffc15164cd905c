"""Phrases that give a bad pair away, in Chinese and English. Each alternative has its own line."""

import re


def any_of(*alternatives: str, flags: re.RegexFlag = re.IGNORECASE | re.MULTILINE) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), flags)


SOURCE = r"(?:text|passage|excerpt|snippet|fragment)"
SHOWN = r"(?:table|figure|diagram|image|picture|screenshot|chart|list|code|example)"
PART = r"(?:section|paragraph|article|chapter|page|document|context)"
ASKED = r"(?:option|parameter|step|statement|item|setting|field|command)"
SAYS = r"says?|states?|mentions?|describes?|explains?|lists?|shows?|provides?|gives?|contains?|covers?"
# "The text" points at the source when a verb or the end follows; "the text editor" does not.
ENDS = rf"(?=\s*(?:[?.,;:!]|$|above\b|below\b|about\b|is\b|are\b|does\b|do\b|(?:{SAYS})\b))"
NAMED = r"(?:mentioned|described|shown|listed|defined|stated|given|discussed)"

# A question that only makes sense beside its source. 文本框, 线上文档 and 该文本框 are no such thing.
POINTS_AT_SOURCE = any_of(
    rf"\b(?:the|this) (?:above|following|given|provided|preceding) (?:{SOURCE}|{SHOWN}|{PART}|{ASKED}|information)s?\b",
    rf"\b(?:the {SOURCE}|this (?:{SOURCE}|{PART}|{SHOWN})){ENDS}",
    rf"\b(?:{SOURCE}|section|table|paragraph|figure) (?:above|below)\b",
    rf"\b(?:according to|based on|from|in|by) (?:the|this|that) (?:{SOURCE}|{PART}|author)(?<!page){ENDS}",
    rf"\b(?:above|afore|before)-?mentioned\b|\b{NAMED} (?:above|below|earlier|previously)\b",
    rf"\b{NAMED} in the (?:{SOURCE}|{PART}|table|figure)\b",
    r"\bwhich of the following\b|\bthe author\b",
    r"(?<!线)上文(?!档|件)|(?<!以)上述|前文(?!件|档)|文本片段|下列",
    r"[前上下]面(?:所?提到|提及|所?说|介绍|描述|的(?:文本|内容|代码|表格?|例子|示例|步骤|段落|文字|选项))",
    r"(?<![样版])(?:该|本|此|这个|这段|这篇)(?:片段|文本|段落|段?文字|文章)(?!框|域|编辑|字段|文件)",
    r"(?<![基原根成日样版])(?:该|本|此|这一?)(?:章节?|小节|节)(?!点|流|能|约|省|奏|气|拍)",
    r"(?<![可像])(?:该|此|这个?|这张)(?:示例|例子|图片?|表格?)(?!形|层|像|纸|标|库|单|达|头|名|式|元|示|明|现)",
    r"(?:根据|依据|按照|从|基于|在)所?(?:提供|给出|给定)的?(?:文本(?![框域编])|内容|片段|资料|文档|上下文|信息)",
    r"(?:根据|依据|按照|基于)(?:该|本|此)?(?:原文|上下文|文档内容|片段|文本内容|资料)(?:中的?内容|的?描述|的?说明)?[，,]",
    r"(?:\A|[，,：:。])\s*以上(?:文本|内容|代码|片段|表格|哪|选项|示例|步骤|描述|说法)",
    r"(?:\A|[，,：:]|请(?:问|说明|概括|总结))(?:该|本|此|这一?)段(?!落?[路线电子])",
    rf"\bthis (?:{ASKED}|feature|function|component|value|method|class|module|tool|file|variable|attribute|property)"
    r"(?=\s*(?:[?.,;:!]|$|do\b|does\b|work|mean|used\b|control))",
    rf"\bthe \w+ (?:excerpt|passage){ENDS}",
    r"(?:(?:根据|依据|按照|如|见|从|在|^|[，,：:])\s*)(?:文中|[上下]图|图中|[上下]表|表中)(?![形层像纸标格单面达]|的?元件)",
    r"(?:(?:根据|依据|按照|从|在|^|[，,：:])\s*)(?:本文(?![档件字本])|本[节章](?![点程]))",
    r"以下(?:文本|内容|代码|片段|表格|哪|选项|示例|步骤|描述|说法)",
)

POLITE = r"(?:请问|请你?|麻烦|能否|可否|你?能|说明|解释|介绍|描述|简述|概述|给出|列出|一下|什么是|\s|[，,：:])*"
PLEASE = r"(?:please |could you |can you |explain |describe |tell me |and |so |but |what about |how about )*"
ASKS = r"(?:(?:what|how(?: much| many| long| often| far| fast| well)?|why|when|where|which|who)(?:'s)?\s+)?"
VERB = r"(?:(?:is|are|does|do|did|can|could|will|would|should|must|has|have|was|were|may)\s+)?"
JUDGED = (
    r"possible|known|clear|written|documented|necessary|required|recommended|allowed|safe|advisable|better|worth|mandatory|important|true"
    r"|ok(?:ay)?"
)
# It takes an hour, is it possible: nothing that "it" would have to stand for.
EXPLETIVE = (
    rf"(?:'?s)? (?:(?:{JUDGED}|useful|sufficient|enough|takes?|matters?|mean to|costs?|make sense)\b"
    r"|says? (?:on|about|under|of|for)\b|(?-i:[A-Z`“\"]|\w+_\w))"  # what it says on X; what is it, X
)

# A question that begins with a pronoun for something not named yet. 其他, 此外 and 该如何 are no pronouns.
BEGINS_WITH_PRONOUN = any_of(
    rf"\A{POLITE}(?:它们?|其(?![他它实次余间一二三])|此(?![外时刻处前后类起])|这(?!里)|那(?![么里])|前者|后者|两者)",
    rf"\A{POLITE}该(?!如何|怎|不|用|选|在|从|把|由|去|何|是否|做|写|放|填|设|按|先|使|给|对|注意)",
    rf"\A{PLEASE}{ASKS}{VERB}(?:it|its|they|their|them|these|those|this|that|he|she|his|her)\b(?!{EXPLETIVE})"
    r"(?! (?:documentation|manual|guide|handbook)\b)",
    flags=re.IGNORECASE,
)
# A situation told before the question, as people do: "It says that the disk is full; what may I delete?" asks of what
# the reader sees, not of a text.
SITUATION = any_of(
    r"\A(?:it|they|this|these)(?:[’']s|[’']re)?(?: [^\s?]+){3,}?[,;.!] .*\?\Z",
    r"\A(?:它们?|这)[^，。；！？多何哪什怎几谁]{4,}[，。；！][^？]{3,}[？?]\Z",
)
# With an input these are resolved: "the following code" is the input.
MATERIAL = any_of(r"\b(?:following|this|these|it|its|above|below|given|provided)\b", r"[以上下]面?下?|这|该|此|它|其")

FIELD = r"(?:instruction|input|output|evidence)"
LABELLING_PROMPT = any_of(
    r"核心知识点|[个条取该此]知识点|问答对|数据标注|标注员|逐字照抄|根据提供的文本片段",
    r"[只仅](?:输出|返回)\s*JSON",
    rf"\b{FIELD}(?:\s*[、,/和与]\s*{FIELD})+\b",
    r"\b(?:knowledge points?|question[- ]answer pairs?|Q&A pairs?|data (?:annotator|labell?er))\b",
    r"\blabell?ing (?:prompt|task|assistant)\b|\bcopied word for word\b",
    r"\bextract (?:the )?(?:\d|one|two|three)\b.{0,30}\b(?:facts?|points?)\b",
    r"\b(?:answer|reply|respond) with (?:one )?JSON\b|\bcore knowledge\b",
)

TEXT_ZH = r"(?:文(?:中|本|档|章|段)|[原上前]文|片段|上下文|资料|材料|内容)"
TELLS_ZH = r"(?:提及|提到|说明|给出|提供|涉及|描述|指出|包含|介绍)"
TELLS = r"(?:mention|state|specify|provide|say|describe|contain|cover|include|give|explain|list|discuss)"
TOLD = r"(?:mentioned|stated|specified|provided|described|covered|given|discussed|included|defined)"
TEXT_EN = rf"(?:{SOURCE}|{PART}|documentation|source|provided \w+|given \w+)"
REFUSAL = any_of(
    rf"{TEXT_ZH}[中里内]?(?:并|均|都)?(?:未|没有?)(?:有|明确|直接|具体)*{TELLS_ZH}",
    rf"(?:未|没有)在{TEXT_ZH}.{{0,4}}{TELLS_ZH}|无法(?:从|根据|依据).{{0,4}}{TEXT_ZH}",
    r"(?:信息|资料)不足.{0,6}无法|我(?:不知道|无法(?:回答|确定|提供|找到))|作为(?:一个)?(?:AI|人工智能|大?语言模型)",
    r"^(?:抱歉|对不起)(?:[，,。！!]|\Z)|^很遗憾[，,]?\s*(?:我|[原本上前]?文|资料|没有?(?:找到|相关|提供))|(?:没有|无|未找到)(?:提供)?相关(?:的)?(?:信息|内容|资料|说明)",
    r"(?:根据|从).{0,8}(?:内容|信息|文本|资料|片段).{0,4}无法|\A(?:未提及|未说明|未提供|不知道|不清楚|无法(?:确定|回答)|无从得知)\W*\Z",
    r"\A(?:not (?:mentioned|specified|stated|provided|given|available)|unknown|no answer)\W*\Z",
    r"\bno (?:\w+ )?information (?:is|was) (?:available|given|provided)\b",
    rf"\b(?:not|never|isn't|aren't) (?:\w+ly )?{TOLD} (?:in|by|within|anywhere in) (?:the|this) {TEXT_EN}",
    rf"\b(?:the|this) {TEXT_EN} (?:does not|doesn't|do not|fails to|did not) (?:\w+ly )?{TELLS}",
    rf"\b(?:no|insufficient|not enough) (?:\w+ )?(?:information|details?|mention)\b.{{0,30}}\b{TEXT_EN}\b",
    r"\bI(?:[’']m| am)? (?:do not|don[’']t|can[’']t|cannot|not able to|unable to) (?:\w+ )?"
    r"(?:know|answer|determine|help|find (?:that|this|any|it|the (?:answer|information)))\b",
    r"\bas an? (?:AI|(?:large )?language model)\b|^(?:sorry(?=[,.!]| (?:but|I)\b)|I apologi[sz]e)\b",
    rf"^unfortunately,? (?:I\b|(?:there (?:is|was) )?no (?:\w+ )?(?:information|mention|details?|answer)\b"
    rf"|(?:the|this) {TEXT_EN}\b)",
    r"\bcannot be (?:determined|answered|inferred) from\b",
)
