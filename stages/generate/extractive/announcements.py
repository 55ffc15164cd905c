"""Sentences that announce what stands below them: what they say that it shows, and what one is told to do.

Closed classes decide it, as in `speech`.
"""

import re

from stages.common.text.wording import CJK, sentences
from stages.generate.extractive.phrasings import capital
from stages.generate.extractive.speech import ANNOUNCING, DEIXIS, NARRATION, QUOTED, imperative, points, refers_back

CONNECTIVE = re.compile(
    r"^(?:(?:for example|for instance|then|now|next|finally|first|second|alternatively|also|so|lastly"
    r"|optionally|again|still|and|or)\b[, ]*"
    r"|(?:例如|比如|并且?|然后|接着|接下来|最后|首先|其次|同样地?|此外|另外|因此|所以|为此|现在|当然|或者)[，,]?)+",
    re.IGNORECASE,
)
# What says but that something stands below, with the verb that makes use of it.
LIGHT = re.compile(
    r"(?:[，,]?(?:请|可以?)?(?:使用|通过|利用|用|按照?|根据|运行|执行|输入|参[考照]|以|像))?"
    r"(?:以下|如下|下面|下列|下述|上述|所示|例如|比如|示例)+的?"
    r"(?:代码|命令|例子|示例|内容|方式|方法|步骤|操作|配置|参数|信息|格式|模板|文件|语句|脚本|工具|结构|写法)?(?:来|展示|演示|给出|说明)?了?"
)
DETERMINER = r"(?:the|an?|this|that|these|your|my|our|its|each|all|it|them)\b"
PURPOSE = re.compile(
    rf"(?:in order to|if you (?:want|need|wish|prefer|would like|[’']d like) to|to) "
    rf"((?!{DETERMINER})\w[^,]+?)(?:,\s| (?=you (?:can|could|must|should|need|have)\b"
    r"|(?:use|run|add|type|call|set|execute)\b)|$)",
    re.IGNORECASE,
)
MODAL = re.compile(
    r"(?:^|, (?:then )?)(?:you|one|users)(?=[ ’'])"
    r"(?:(?: can| could| may| must| should| will|[’']ll)(?: (?:need|have|want) to)?| (?:need|have|want) to)"
    r"(?: also| now| then| simply| just| easily| either| first)?"
    r" ([a-z]+ [^,]+)",
    re.IGNORECASE,
)
AND_THEN = re.compile(r",? *(?:and|then|or|but)\b", re.IGNORECASE)
TAIL = re.compile(
    r"[,;]?\s{0,9}(?:(?:by|with|using|via|in|into|to|as|from|use|like|of|for|run|running|adding"
    r"|setting)\s+){0,6}(?:(?:the|a|an|one of the)\s+)?\b(?:following|below|snippet)\b.*$"
    r"|[,;]?\s{0,9}(?:\b(?:by|with|using|via|running|run)\s+){0,6}\b(?:this|these)\s+(?:commands?|code|lines?|script|snippet)\W*$"
    r"|[,;]?\s{0,9}\b(?:as follows|like (?:this|so|that)|e\.g|for example|such as|as shown|as below)\b.*$",
    re.IGNORECASE,
)
ASIDE = re.compile(r"\s\([^()]*\)$")
# Verbs of what happens to one, or in one's head: nothing that one could be told how to do.
STATE = re.compile(
    r"(?:be|do|not|have|get|see|find|notice|note|encounter|expect|consider|imagine|think|know|need|want|look|say|recall"
    r"|remember|understand|learn|read|ask|wonder|prefer)\b",
    re.IGNORECASE,
)
LIGHT_VERB = re.compile(
    r"\w+ (?:the|some|my) (?:code|commands?|scripts?|lines?|snippets?)"
    r"|(?:use|do|make|set|take|give) (?:the|an?|my|your|its) \w+",
    re.I,
)  # "use a config": which?
SHOWN = re.compile(
    r"(?:an )?example\b(?! (?:from|in|for)\b)|this (?:command|line|script)\b",
    re.IGNORECASE,
)
VAGUE = re.compile(
    r"\b(?:it|them|this|that|these|those|one|ones|he|she|its|their|there|here|same|so|such|either|our|us|we|other|others|another|more|further|then|instead)\b",
    re.IGNORECASE,
)
# What an announcement names only together with the text before it.
RELATIVE = re.compile(
    r"\b(?:it|them|they|this|these|those|he|she|our|there|here|same|such|either|both|neither|another|other|rest"
    r"|first|second|third|next|last|final|that(?! (?:\w+s|are|was|were|can|will|have|you|we|the)\b))\b"
    r"|[它他她]|这|那(?!么)|此|[该本其]|我们?|[你您](?!的)|同样|相同|另一|另外|再次|[也还就]|[吧呢了]$|是(?!否)",
    re.IGNORECASE,
)
OF_A_STATE = re.compile(
    r"(?:[Ii]f|[Ww]hen|[Uu]nless|[Ww]hile)\b|如果|若|当|由于|因为|假设|既然|虽然|一旦|除了|一[个种]|[有某][些的]|许多|很多|的|在[^，,]*[，,]|[^，,]{2,}[时后中里][，,]"
)
WISH = re.compile(r"(?:若?要|如需|为了|如果(?:你|您|用户)?(?:想要?|需要|要|希望))([^，,]{3,})(?:[，,]|$)")
CAN = re.compile(r"(?:[你您]|用户|我们)?(?:[也还就都便]?(?:可以|可|需要|应该?|必须|要|能够?)|请)(?:再|先|直接)?")
LOOSE_END = re.compile(
    r"\b(?:(?:and|or|use|run) \w+|use|run|add|write|just|whether|if|\w+ing|something|like|via|than|about"
    r"|with|to|of|by|for|as|and|or|using|the|an?|your|from|at|into|is|are|be|you|we|they)$"
    r"|^\w+ (?:out|up|off|over|away|down)$",
    re.IGNORECASE,
)
PERSONS = {"your": "my", "you": "I", "yours": "mine", "yourself": "myself", "you're": "I am", "you’re": "I am"}
PERSON = re.compile(r"\b(?:" + "|".join(sorted(PERSONS, key=len, reverse=True)) + r")\b", re.IGNORECASE)
# A clause that lacks what the code below it is: "you would enter", "In a shell, use", "the file contains".
DANGLING = re.compile(
    r"(?:\b(?:would|will|can|could|should|might|must|may|you|to|and|or|then|now|also|have|just|simply|is|are|be)"
    r"|,(?: \w+)?) \w+$|\blook(?:s|ed|ing)?(?: \w+)?$"
    r"|\b[a-z]+s$|(?:是|为|在|有|到|和|与|或|把|将|对|被|从|的|用|通过|行|可能|可以|然后|接着|随后)$"
)
OF_WHAT = re.compile(r"(?:[将把从用对为由]|通过|只需要?)$")  # what stands below was its object
# A Chinese sentence that is a step of a talk ("have a try"), tells how something is (it has a predicate behind its
# subject), or lacks what stands below: a place or a time with but a verb behind it, a way of nothing.
STATEMENT = re.compile(
    r"^(?:先|再|又|也|还|来|去|好|继续|只)|(?:试试|看看|一下|[^以]下|例子|于|并)$"
    r"|^在[^，]*(?:[中里上内下]|添加|写入|输入|加入|增加|执行|运行|创建)$"
    r"|^.{0,6}(?:方式|方法|写法|用法|形式|格式|结构|样子|效果|结果|内容)$|为例|^(?:[有无会需]|将会|不要|务必|假如|希望|想要?|建议|推荐|用于|适用于|方便|便于|进一步"
    r"|确保|更|或|之[前后]|方 )"
    r"|^(?!在|从|对|为|给|通过|使用|用|基于|根据|按)[^，]+?(?:了(?!解|[^，]{1,20}的)|会(?![话员议计])|(?<![许认])可以|(?:需要|必须|允许)(?![^，]{1,20}的)|分[为成两二三四五]"
    r"|(?<![所具拥没私公含])有(?=[一二两三四五六几多])|代表|适用于|提供|(?<![响对适供相])应(?![用答对]))"
    r"|^在[^，`]*[时后中里上内下处][\u4e00-\u9fff]{1,2}$|(?<![超延定实临同])时(?:传入|指定|设置|使用|调用|配置|添加)$|的(?:地方|时候|情况|场景)$|同理$"
)
ALSO = re.compile(r"[并且将把以为]|同时|从而|用于|使用")  # a clause with the subject of the one before
POINTING = re.compile(r"\b(?:this|these)\s+(?:commands?|code|lines?|script|snippet)\W*$", re.IGNORECASE)
BEFORE_WORDS = re.compile(r"^[^\w`$(“\"]+")  # pictures and dashes
MAX_GOAL_CHARS = 90


def announcement(text: str) -> str:
    """The last sentence of a paragraph, on one line, when it announces what stands below; otherwise empty."""
    whole = " ".join(text.split())
    if not any(sign.search(whole) for sign in (ANNOUNCING, POINTING)) and not DEIXIS.search(whole[-30:]):
        return ""
    last = sentences(whole)[-1].strip(" :：。.") if whole else ""
    return BEFORE_WORDS.sub("", last)


def said(sentence: str) -> str:
    """An announcement that says by itself what it announces, without "as follows"; empty when it does not."""
    chinese = bool(CJK.search(sentence))
    text = CONNECTIVE.sub("", (LIGHT if chinese else TAIL).sub("", sentence)).strip(" :,.;(，：。")
    if chinese:
        if any(OF_WHAT.search(sentence[: match.start()]) for match in LIGHT.finditer(sentence)):
            return ""
        wish = WISH.match(text)
        text = wish[1] if wish else text[match.end() :] if (match := CAN.match(text)) else text
        text = re.sub("[你您]的", "", text)
        if not goes_on(text):
            return ""
    elif text[:1].islower() or LOOSE_END.search(text) or len(text.split()) < 4:
        return ""
    bare = QUOTED.sub("`", text)
    stands = not any(pattern.search(bare) for pattern in (NARRATION, RELATIVE, DANGLING)) and not OF_A_STATE.match(text)
    stands = stands and (chinese or bool(SHOWN.match(bare)))
    return capital(text) if stands and not points(text) and not refers_back(text) else ""


def goes_on(text: str) -> bool:
    """Whether the clauses of a Chinese sentence tell of one thing to do: each but the first goes on with it."""
    return all(map(ALSO.match, text.split("，")[1:])) and not STATEMENT.search(text)


def goal(sentence: str) -> str:
    """What an English sentence tells how to do, as it stands behind "how do I": "To stop it, …", "You can stop it"."""
    text = CONNECTIVE.sub("", sentence)
    wanted = PURPOSE.match(text)
    modal = MODAL.search(text)
    if (wanted and AND_THEN.match(text, wanted.end())) or (not wanted and modal and AND_THEN.match(text, modal.end())):
        return ""  # the code is for what comes last
    clause = wanted[1] if wanted else modal[1] if modal else text if imperative(text) else ""
    clause = TAIL.sub("", ASIDE.sub("", clause)).strip(" :.,;")
    good = len(clause.split()) >= 2 and len(clause) <= MAX_GOAL_CHARS and not points(clause)
    good = (
        good
        and ": " not in clause
        and clause.count("(") == clause.count(")")
        and not STATE.match(clause)
        and not LIGHT_VERB.fullmatch(clause)
    )
    bare = QUOTED.sub("", clause)
    if not good or VAGUE.search(bare) or NARRATION.search(bare) or LOOSE_END.search(clause):
        return ""
    clause = re.sub(r"^(?:just|simply|also|then|now|easily|first) ", "", clause)
    clause = PERSON.sub(lambda match: PERSONS[match[0].lower()], clause)
    return clause[:1].lower() + clause[1:] if not clause[:2].isupper() else clause
