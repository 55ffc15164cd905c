"""Headings as names: which of them say what a section is about, and which only name a part that every page has."""

import re

from stages.common.text.wording import normalised
from stages.generate.extractive.inline import plain

# 1.2 Title, 3. Title, 第三步：Title, 步骤 2. Title, Step 2: Title, （一）Title; the 10 of "10 kV bus" is no number.
NUMBERING = re.compile(
    r"(?:第[一二三四五六七八九十\d]{1,3}[步章节]|步骤\s*[一二三四五六七八九十\d]{1,2}|step\s+\d{1,2})\s*[:：.、]?\s*"
    r"|[A-Z][a-z]+ \d{1,2}[:：]\s*"
    r"|\d{1,2}(?:\.\d{1,2})+[.、]?\s+|\d{1,2}[.、)）]\s*(?!\d)|[一二三四五六七八九十]{1,2}、\s*"
    r"|[（(](?:\d{1,2}|[一二三四五六七八九十]{1,2})[)）]\s*",
    re.IGNORECASE,
)
# What a section says about its page, or about the heading above it, by its heading.
ASPECT = re.compile(
    r"(?P<features>功能(?:说明|介绍|概述|定义|简介)?|(?:页面|主要|软件|基本)功能|features?)"
    r"|(?P<purpose>用途|作用|purpose)"
    r"|(?P<introduction>(?:元件|模型|算例|案例|项目|软件|产品|平台|模块|算法|基本|控件)?(?:定义|介绍|概述|简介|描述|概况|说明)"
    r"|背景|项目背景|introduction|overview|description|about|summary)"
    r"|(?P<principle>(?:工作|元件|基本|算法|计算|模型)?原理|how it works|principles?)"
    r"|(?P<scope>适用(?:场景|范围|对象|情况)|应用场景|use cases?|when to use(?: it)?)"
    r"|(?P<usage>使用(?:说明|方法|指南|方法说明)|调用方式|(?:基本)?操作说明|用法|usage|how to use(?: it)?)",
    re.IGNORECASE,
)
# Headings that name a part of every page and so nothing by themselves.
COMMON = re.compile(
    r"(?:元件|模型|控件|功能|参数|引脚|属性|案例|算例|使用|操作|结果|返回)?(?:说明|介绍|定义|配置|列表|展示|测试|分析)"
    r"|(?:请求|返回|响应|输入|输出|查询|路径)?参数|(?:请求|返回|响应)(?:数据|体|头|结果)|引脚|属性|样式|事件|案例|附录|常见问题|内容|结果|仿真|方案|典型应用|简单应用|调试技巧|注意事项|参考文献|完整代码"
    r"|代码解析|接口调用|语法|(?:使用|任务|配置|代码|请求|响应)?[示样]例|实例|返回值|案例步骤"
    r"|(?:算例|模型|项目|文件|下载)+(?:地址|链接|下载)?|configuration|fields|values|type|member of"
    r"|returned by|returns|arguments|parameters|attributes|requirements|prerequisites|examples?|notes?|faq|see also"
    r"|references|contents|explanation|前言|序言|preface|foreword",
    re.IGNORECASE,
)
# Sections that are not worth a question of their own.
UNASKED = re.compile(
    r".*\b(?:it|this|that|them|these|those)|总结|小结|回顾|summary|conclusions?|recap"
    r"|.*[!！]|.* (?:to|of|for|with|and|or|in|on|by)|.*[^样]来"
    r"|(?:see|learn|read) .*|.*深入学习"
    r"|常见问题|附录|.{0,8}(?:地址|下载|链接)|faq"
    r"|indices and tables|member of|returned by|fields",
    re.IGNORECASE,
)
# Sections that only say what stands elsewhere, thank, or advertise.
ASIDE = re.compile(
    r"next steps?|what(?:[’']s)? next\??|(?:see|read) (?:also|more)|(?:related )?links|(?:further|recommended) reading"
    r"|references|bibliography"
    r"|(?:相关|延伸|推荐|扩展|拓展)(?:链接|文档|阅读|资料)|下一步|参考(?:资料|链接|文献|文章|文档)?"
    r"|(?:our |current |past )?(?:sponsors?|backers?|donat(?:e|ions?|ors?)|acknowledge?ments?|credits"
    r"|(?:special )?thanks)"
    r"|(?:特别|项目|友情)?(?:赞助|捐[赠助献]|打赏|[鸣致感]谢|广告).{0,4}",
    re.IGNORECASE,
)
NAME = re.compile(r"`[^`]+`(?: \([\w, ]+\))?|<[^<>]+>")  # a heading that is a name in code, with its badge
# A name with a badge, as `ingest` leaves it: Required**`size`**, `size` iOS, size Required, size (Required).
BADGED = re.compile(
    r"(?:(?P<before>[A-Z]\w*)(?P<after>`[^`]+`))"
    r"|(?P<code>`[^`]+`(?: ?)|[a-z]{2,}(?:[A-Z_.]\w*+)*+ )(?P<badge>[A-Z]{1,2}[a-z]{2,}|iOS)"
    r"|(?P<name>`[^`]+`|[A-Za-z_][\w.-]*) ?[(（](?P<bracketed>[^()（）]+)[)）]"
)
# Behind a name in code: the version that has it, or several badges.
BADGES = re.compile(r"^(`[^`]+`)(?:[^`]*\d\.\d[^`]*|(?: (?:[a-z]{0,3}[A-Z]\w*|[（(]\w+[)）])){2,})$")
# Badges that say how a thing is to be used: no part of its name, as a platform may be.
STATUS = re.compile(
    r"(?P<required>required|mandatory|optional|必[填选需须]|可选|选填)"
    r"|deprecated|experimental|preview|alpha|beta|stable|legacy|new|read-?only|已?(?:弃用|废弃)|实验性?|只读|新增?",
    re.IGNORECASE,
)
ARTICLE = re.compile(r"^(?:\([^()]*\)\s*)*(?:the|an?)\s", re.IGNORECASE)  # "the user" says nothing of a user
INSTRUCTION = re.compile(
    r"^(?:是否|请?(?:输入|填写|选择|设置|配置|录入|编辑|自定义|填入)|enter|select|choose|set)", re.IGNORECASE
)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
PICTURE = re.compile("[\u25a0-\u25ff\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]")
SAMPLE = re.compile(r".{0,4}[示样]例|(?:usage |sample )?examples?|samples?", re.IGNORECASE)  # its values are nobody's
CHANGES = re.compile(r"更新(?:日志|至|记录|说明)?|版本发布|changelog|release notes|what.s new", re.IGNORECASE)


def heading_name(heading: str) -> str:
    """A heading inside a sentence: plain, on one line, without its number."""
    text = unbadged(BADGES.sub(r"\1", " ".join(PICTURE.sub("", plain(heading)).split())))
    number = NUMBERING.match(text)
    return (text[number.end() :] if number else text).strip(" :：。.–—") or text


def unbadged(text: str) -> str:
    """A name with the badge that is a part of it in brackets: `size` (iOS)."""
    name, badge = parted(text)
    return name if not badge or STATUS.fullmatch(badge) else f"{name} ({badge})"


def parted(text: str) -> tuple[str, str]:
    """A name and its badge; the badge is empty where the text has none."""
    match = BADGED.fullmatch(text)
    if not match or (match["name"] and not is_badge(match["name"], match["bracketed"])):
        return text, ""
    name = match["after"] or match["code"] or match["name"]
    return name.strip(), match["before"] or match["badge"] or match["bracketed"]


def is_badge(name: str, bracketed: str) -> bool:
    """Whether what stands in brackets behind a name is a badge: a status, or a word behind a name in code."""
    return bool(STATUS.fullmatch(bracketed)) or (name.startswith("`") and bracketed.isalnum())


def adds(text: str, name: str) -> bool:
    """Whether a text says more of a thing than its name does: "the user" says nothing of a user, "enter the password of
    the account" nothing of a password, "TLS CA" nothing of `log.tls.ca`."""
    said, known = normalised(ARTICLE.sub("", INSTRUCTION.sub("", text).strip())), normalised(name)
    told = INSTRUCTION.match(text) and known and said.endswith(known)
    words, named = ([word.lower() for word in WORD.findall(ARTICLE.sub("", part))] for part in (text, name))
    again = (
        " " in text
        and text.isascii()
        and len(words) > 1
        and (set(words) <= set(named) or (len(words) == 2 and known and said.endswith(known)))
    )
    return said != known and not told and not again


def topic(headings: tuple[str, ...]) -> str:
    """The nearest heading that names something; empty: only the page's title does."""
    return next((name for heading in reversed(headings) if (name := heading_name(heading)) and not is_common(name)), "")


def aspect(heading: str) -> str:
    """Which question a heading such as "How it works" answers about what stands above it."""
    match = ASPECT.fullmatch(heading)
    return (match.lastgroup or "") if match else ""


def is_common(heading: str) -> bool:
    return bool(ASPECT.fullmatch(heading) or COMMON.fullmatch(heading))
