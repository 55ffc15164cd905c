"""The grammar of sentences: which of them stand alone, which point elsewhere, and which tell one to do something.

Closed classes decide it (pronouns, conjunctions, words of place and order, modal verbs), not the words of a subject.
"""

import re

from stages.common.text.wording import CJK, LETTER, sentences

# What only has a meaning where it stands: "below", "the previous section", 如下图, 详见.
DEIXIS = re.compile(
    r"\b(?:following|previous(?:ly)?|preceding|earlier|as (?:shown|follows|before)|like (?:this|so)"
    r"|here[’']s|here,? (?:is|are|it|you|the)"
    r"|(?:figure|table|listing|chapter|section|step|appendix|part) (?:\d[\d.-]*|[A-Z]\b)"
    r"|(?:this|that|these|those|next|last) (?:\w+ )?(?:section|chapter|page|guide|document(?:ation)?|manual"
    r"|tutorial|article|example|snippet|step|instruction|scenario)s?"
    r"|(?:this|next|last) (?:post|step)"
    r"|the (?:section|chapter|guide|tutorial|article|snippet)s?|see (?:the|also|our|how)|refer to"
    r"|(?:re-?)?read (?:more|the|our|about|over|through)"
    r"|an? (?:[\w-]+ )?(?:guide|chapter|article|tutorial) (?:on|about)"
    r"|(?:learn|find out) (?:more|how|about)|(?:skip|jump|proceed) to"
    r"|just (?:discussed|described|seen|mentioned)|check (?:out|back|the)|recommend reading|(?:take|have) a look"
    r"|(?:more|further|additional) (?:information|details?)|as (?:you|we)(?:[’']ve| have)? (?:saw|seen)"
    r"|you (?:probably|already)(?: have)? (?:read|seen|saw)"
    r"|as (?:was |were |already )?(?:mentioned|described|discussed|explained)|(?:shown|introduced) (?:here|later|in)"
    r"|(?:described|discussed|explained|covered|documented|listed|detailed) (?:here|later|in)|later(?=[,.])"
    r"|(?:above|below)(?! (?:\d|`|the\b|a\b|zero)))\b"
    r"|(?<!\byou )(?<!\bwill )(?<!\bcan )(?<!\bto )(?<!\bwe )(?<!\bthey )(?<!\bmay )(?<!\bmight )(?<!\bshould )"
    r"(?<!\bnot )(?<!\bnow )(?<!\bthen )(?<!\bonly )(?<!\busers )\bsee\b"
    r"|\b[Ff]ollow (?:the|our) (?:[\w-]+ )*(?:guide|instructions|documentation|steps|tutorial)|\bhere\W*$"
    r"|[下上左右前后](?:图|表|方|述|列|式|文|节|章|面)|[图表]\s*\d|如图|列于|所示|如下|^同[上前](?![\u4e00-\u9fff])|在这里|[上下]例|章节中|像这样|类似这样|是这样|请?阅读|(?<![\w%℃])以[下上](?!的?[任全])"
    r"|以[下上](?:[一二两三四五六七八九十几][种个类项点条步]|\d+ ?[种个类项点条步]|这些)"
    r"|(?:具体|详细|更多)[^，。；]{0,6}(?:查看|阅读|参看)"
    r"|这一?(?:段|节|章|页|篇|个?例子?)|接下来|此处不|[本该此](?:节|文|页|章|文档|案例|示例|样例|教程|指南)|我们[将来会]|详[见情]|请?参[见考阅照]|请见"
    r"|(?<![常可意看])见[^，。；\n]{1,24}(?:[一章小]节|[一二三四五]章|文档|页面)|[你您]?[将会]在[^，。]{1,24}[里中](?:了解|学[到习]|看到)|请?查看.{0,20}(?:文档|章节|说明|帮助)|(?:了解|阅读)更多|[，。的在]章节|对此有[^，。]{0,6}(?:描述|解释|说明|介绍)|(?<![\w&])#\d{2,5}\b",
    re.IGNORECASE,
)
# A beginning that refers back to what was said before.
BACKWARD = re.compile(
    r"(?:(?:this|that|these|those)\b|it(?:[’']s)?\b(?! (?:is|was|can be) \w+ (?:to|that)\b)|(?:they|he|she|its"
    r"|their|such|so|but|and|or|yet|also"
    r"|then|thus|hence|however|therefore|otherwise|instead|additionally|furthermore|moreover|similarly"
    r"|likewise|again|finally"
    r"|ah|oh|ok(?:ay)?|well|of course|next|now|here|lastly|first|second"
    r"|for (?:example|instance)|in (?:this|that|these|both|addition)"
    r"|as (?:you|we|mentioned|an)"
    r"|note|notice|both \w+s|the same|(?:[\w-]+ ){1,2}(?:this|these|those)|(?:with|after) that|once|another"
    r"|(?:[\w ]+ )?such an?)\b|there\b(?! (?:is|are|was|were|can|may|exists?)\b)"
    r"|其中|例如|此外|因此|所以|但是?|然而|另外|同时|并且|而且|以及|那么|此时|这|它们?|上述|正如|在这[种样个里]|最后|然后|首先|同样|现在|另一|还有|或者|相反|接着|请?注意|[：:，,。|])",
    re.IGNORECASE,
)
NARRATION = re.compile(
    r"\b(?:we[’'](?:ll|ve|re|d)|we(?! (?:recommend|suggest|advise|support|offer|provide)\b)|us|let[’']s|I"
    r"|I[’'](?:ll|ve|m|d)|you[’']ve|imagine|suppose|assume|say you|recall|remember"
    r"|right now|at this point|so far|by now|at the moment)\b"
    r"|(?<!自)我(?![国的])|看看|想象|假设|大家|同学们?|咱们?|(?:吧|呢)[。！]|[你您]刚|\byou (?:just|saw)\b",
    re.IGNORECASE,
)
EXCLAMATION = re.compile(r"[!！][\"'”’」』)）*]*\s*$")  # praise, a call, a greeting
ASKED = re.compile(r"[?？]\s*$")
# A description of a page that has no subject: "Explains what it is", "Learn how", "How it works, and why".
OF_A_PAGE = re.compile(
    r"[A-Z][a-z]+s? (?:what|how|the|an?|why|when|about|to)\b|(?:How|Why|When|Where)\b[^?]*$"
    r"|(?:介绍|讲解|阐述|描述|了解|学习)(?!了)|[^。]*(?:说明|介绍|指南|教程)[。.]?(?:\n|$)"
)
LEFTOVER = re.compile(
    r"(?<![\w`\])\[])\[[a-z][a-z' -]* [a-z' -]*\](?![(\[\w])"
    r"|(?<=`)\{[a-z]+=|<(?!https?:|mailto:)(?:[a-z]+:|/)[^>\s]+>|\{\{|\{%|\{#|\{\*|\{:|:::|\]\[|\[\^|\[\[|!\["
    r"|^\s*\[!|\]\(|\s\(\s*(?:or|and)?\s*\)|（\s*(?:或|和)?\s*）|:[a-z]+-[\w-]+:|&\w+;|\s\*$|(?<=\w) [,;](?= )|\ue000",
    re.MULTILINE,
)
ENDED = re.compile(r"[.!?。！？；][\"'”’」』)）\]`*]*$")
ANNOUNCING = re.compile(r"[:：]$|\b(?:e\.g|i\.e|however)\.?$|(?:如下|例如|比如)[。.]?$")
QUOTED = re.compile(r"```.*?(?:```|\Z)|`[^`]*`|\$[^$]*\$", re.DOTALL)
CLOSED = re.compile(
    r"(?:the|an?|this|that|these|those|it|you|we|they|i|he|she|in|on|at|for|if|when|while|with|by|from|as|and"
    r"|but|so|here|there|now|then"
    r"|after|before|once|because|since|although|however|each|every|all|some|any|no|not|its|your|our|my|their"
    r"|both|either|most|many|to"
    r"|what|how|why|where|which|who|is|are|was|can|will|under|within|without|between|inside|into|outside|like|whether|\w+ing|\w+ed"
    r"|\w+ly|\w+tion)\b",
    re.IGNORECASE,
)
THIRD_PERSON = re.compile(r"\w*[^\Wsu]s\b")
OBJECT = re.compile(
    r"\w+ (?:(?:up|out|down|off) )?(?:the|an?|your|my|this|these|its|all|each|both|any|some|another"
    r"|one)\b|\w+ `[^`]*`,? \w"
)


def points(text: str) -> bool:
    """Whether a text only says where something stands, or holds markup that nothing has read."""
    bare = QUOTED.sub("`", text)
    return bool(DEIXIS.search(bare) or LEFTOVER.search(bare))


def standing(text: str) -> str:
    """The sentences up to the first that points elsewhere or tells what the author does."""
    kept: list[str] = []
    for sentence in sentences(text):
        if (
            points(sentence)
            or NARRATION.search(QUOTED.sub("`", sentence))
            or EXCLAMATION.search(sentence)
            or (not kept and ASKED.search(sentence))
        ):
            break
        kept.append(sentence)
    return "".join(kept).strip()


def refers_back(text: str) -> bool:
    """Whether a text begins with a word that means what was said before it."""
    return bool(BACKWARD.match(text))


def complete(text: str) -> bool:
    """Whether a text is a whole statement. Chinese often does without the mark at the end, Latin scripts do not."""
    chinese, ended = bool(CJK.search(text)), bool(ENDED.search(text))
    shortest = 8 + 4 * (not ended) if chinese else 16
    stands = bool(LETTER.search(text)) and not ANNOUNCING.search(text)
    return len(text) >= shortest and stands and (chinese or ended)


def imperative(text: str) -> bool:
    """Whether an English sentence tells one to do something: a bare verb, as it seems, with its object."""
    bare = LETTER.match(text) and not CLOSED.match(text) and not THIRD_PERSON.match(text)
    return bool(bare and OBJECT.match(text))
