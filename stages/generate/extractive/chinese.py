"""The grammar of questions in Chinese: what a subject and a place look like inside a sentence."""

import re

from stages.common.text.wording import CJK
from stages.generate.extractive import phrasings
from stages.generate.extractive.columns import WHETHER
from stages.generate.extractive.contexts import Place
from stages.generate.extractive.fact import Fact

UNQUOTED = " "  # what stands for a quotation mark in a question without any
PHRASINGS = phrasings.load("zh")
IN_QUOTES_ALREADY = ("named", "section", "members", "faq", "code", "formula")
BARE = re.compile(r"`[^`]+`(?: \([^()]*\))?|\$[^$]+\$")
VERB = re.compile(
    r"(?:如何|怎样|怎么)?(?:新建|创建|配置|设置|添加|编辑|删除|修改|查看|绑定|登录|注册|安装|部署|启动|运行|使用|导入|导出|选择|打开|搭建|编写|获取"
    r"|申请|上传|下载|更新|定义|设计|生成|调用|保存|复制|移动|连接|调整|启用|禁用|开启|关闭|切换|提交|发布|共享|管理|封装|引用|接入|升级|转换|录入"
    r"|放置|构建|准备|执行)"
)
ENDS_AS_NOUN = re.compile(
    r"(?:流程|步骤|方法|方式|过程|操作|说明|介绍|教程|指南|功能|模块|案例|参数|页面|技巧|应用|管理|配置|设置)$"
)
# Words that nobody types into a search.
CLOSED = re.compile(
    r"请问|如何|怎么样?|怎样|什么|哪[个些里]?|是否|能否|可以|[吗呢吧的了是在有和与会要把我你][，。？！]?|[，。？！、；：“”（）]"
)
OF_IT = re.compile(r"^(?:所)?对应的?(?=.)")  # a question says it already
LONG_TITLE_CHARS = 18
SHORT_NAME_CHARS = 4


def kind(fact: Fact) -> str:
    """The kind whose phrases fit: a procedure that a verb names is asked for with how."""
    if fact.kind == "steps" and VERB.match(fact.subject) and not ENDS_AS_NOUN.search(fact.subject):
        return "steps_do"
    return fact.kind


def subject(fact: Fact) -> str:
    """The subject as it stands in a question."""
    if fact.kind in IN_QUOTES_ALREADY:
        return fact.subject
    if fact.kind == "keyed":
        return spaced(fact.subject)
    if fact.kind == "steps":
        return spaced(re.sub(r"^(?:如何|怎样|怎么)", "", fact.subject))
    noun = PHRASINGS.nouns.get(fact.noun, "")
    owner = f"{spaced(fact.owner)}的" if fact.owner else ""
    return f"{owner}{noun}{quoted(fact.subject, noun)}"


def searched(question: str) -> str:
    """A question as one types it into a search: without its words of closed classes."""
    return " ".join(CLOSED.sub(" ", question).split())


def alias(fact: Fact, name: str) -> str:
    """The subject by its words, or by what it is described as."""
    described = PHRASINGS.described.format(n=PHRASINGS.noun(fact.noun), d=fact.description)
    return described if name == "described" else f"“{fact.description}”"


def quoted(name: str, noun: str) -> str:
    """Code, formulas, numbered and short names stand as they are, other names in quotation marks."""
    if BARE.fullmatch(name) or "“" in name or (not noun and re.search(r"[\w)）] [^、]*\d", name)):
        return spaced(name)
    plain = not noun and CJK.search(name) and len(name) <= SHORT_NAME_CHARS and not VERB.match(name)
    return name if plain else f"“{name}”"


def attribute(fact: Fact) -> str:
    if fact.kind == "code":
        return spaced(PHRASINGS.code.get(fact.attribute.lower(), fact.attribute))
    name = WHETHER.sub("", fact.attribute) if fact.kind == "yesno" else OF_IT.sub("", fact.attribute)
    return spaced(name)


def place(place: Place) -> str:
    """A page, by what it belongs to where its title is not enough, and a section of it."""
    if place.page is None:
        return ""
    title, above, _ = place.page
    long = (len(title) > LONG_TITLE_CHARS and not title.isascii()) or VERB.match(title) or title.startswith("第")
    name = f"“{title}”" if long and "“" not in title else spaced(title)
    name = f"{name}（{above}）" if above else name
    return f"{name}的“{' / '.join(place.headings)}”" if place.headings else name


def spaced(name: str) -> str:
    """A space between a name's Latin ends and the Chinese around it."""
    before = " " if re.match(r"[\w`$]", name, re.ASCII) else ""
    behind = " " if re.search(r"[\w`$%+-]$", name, re.ASCII) else ""
    return f"{before}{name}{behind}"


def tidy(question: str) -> str:
    """Full-width marks stand without spaces beside them, code without quotation marks; nothing is doubled or nested."""
    question = re.sub(r"“[ \t]*(`[^`”]+`)[ \t]*”", r" \1 ", question)
    question = re.sub(r"[ \t]*([，。：；？！（）“”、])[ \t]*", r"\1", question)
    question = re.sub(r"“{2,}", "“", re.sub(r"”{2,}", "”", question))
    question = re.sub(r"（([^（）]*)（([^（）]*)））", r"（\1，\2）", question)
    question = re.sub(r"[？?]{2,}", "？", question.replace("的的", "的"))
    return re.sub(r" {2,}", " ", question).strip()
