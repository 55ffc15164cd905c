"""What a column of a table is, by its heading, in Chinese and English."""

import re

from stages.common.text.wording import CJK_RANGE


def alternatives(**patterns: str) -> re.Pattern[str]:
    """One pattern whose last group is the name of the alternative that matched."""
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in patterns.items()), re.IGNORECASE)


# The attributes are kinds of facts.
ATTRIBUTE = alternatives(
    unit=rf"[{CJK_RANGE}]{{0,2}}单位|units?",
    default=r"默认值?|缺省值?|default(?: value)?s?",
    type_and_unit=r"类型\s*[\[（(]单位[\]）)]|type\s*[\[(]units?[\])]",
    type=r"(?:数据|参数|字段|控件)?类型|(?:data ?)?type",
    meaning=rf"[{CJK_RANGE}]{{0,4}}(?:描述|说明)|含义|解释|(?:物理)?意义|作用|功能|(?:参数)?定义|含义(?:及|与|和)说明|约束内容"
    r"|description|meaning|purpose|explanation|definition|contents?|rule|what it (?:does|is)",
    note=r"备注|注意事项|notes?|remarks?|comments?",
    key=r"键名?|键值|标识符?|(?:键名?|键值)\s*[（(]key[）)]",
    dimension=r"维[度数]|dimensions?",
    required=r"(?:是否)?必[填选需须要][项的]?|是否必要|required|mandatory",
    accepted=r"(?:取值|有效|允许|数值)?范围|可选[值项]?|可取值|accepted(?: values)?|range|allowed(?: values)?|choices"
    r"|possible values",
    value=r"(?:参数|设定|设置|典型|推荐)?(?:取|数)?值|values?",
    example=r"示例|例子|举例|examples?",
    symbol=r"(?:参数)?符号|symbol",
    cause=r"(?:可能|故障)?原因|(?:possible |likely )?causes?|reasons?",
    remedy=r"(?:解决|处理|排查)?(?:方法|方案|办法|措施)|修改思路"
    r"|remed(?:y|ies)|fix(?:es)?|solutions?|what to (?:do|type)",
)
NOUN = alternatives(
    parameter=r"参数(?:名称?|项|键名)?|parameters?|arguments?",
    pin=r"引脚名?(?:称)?|pins?",
    field=r"字段名?(?:称)?|fields?(?: in .*)?",
    indicator=r"指标名?(?:称)?|metrics?",
    setting=r"配置项|settings?",
    key=r"keys?|按键|快捷键",
    property=r"属性(?:名称?|配置项?)?|propert(?:y|ies)",
    option=r"选项(?:名称?)?|options?|flags?",
    variable=r"变量名?(?:称)?|variables?|environment variables?",
    button=r"(?:操作)?按钮名?(?:称)?|buttons?",
    control=r"控件名?(?:称)?",
    command=r"命令|commands?",
    function=r"函数名?(?:称)?|functions?|methods?",
    file=r"文件名?(?:称)?|files?(?: in .*)?",
    symptom=r"症状|现象|问题|故障(?:现象)?|symptoms?|problems?",
    check=r"checks?",
    stage=r"stages?",
    term=r"术语|terms?",
)
# Further headings above names, which say nothing of what kind.
NAME = re.compile(
    r"(?:通道|资源|菜单|事件|配件)?(?:中文)?名称?|names?|director(?:y|ies)(?: .*)?|columns?", re.IGNORECASE
)
THING = "thing"
OF_NAMES = re.compile(r" names?$|名称?$", re.IGNORECASE)
LONG_NOUN = re.compile(rf"[A-Za-z]+(?: [a-z]+)?|[{CJK_RANGE}]{{2,6}}")
INDEX = re.compile(r"序号|编号|no\.?|#|index", re.IGNORECASE)
# Headings of a first column that lists properties; the other columns are then things that have them.
PROPERTIES = re.compile(
    r"参数项?|对比(?:项|维度)|项目|指标|特性|属性|配置项|(?:产品|配件)型号|比较项|property|feature|aspect",
    re.IGNORECASE,
)
YES_OR_NO = re.compile(r"(?:(?:是|否|yes|no|true|false)(?![^\W_])|[✅❌✔✗✓✘☑✖]).*", re.IGNORECASE)
BOOLEAN = re.compile(r"true|false", re.IGNORECASE)  # a value among others, where a column has others
WHETHER = re.compile(r"^是否(?:为|有|可)?")
TYPE_AND_UNIT = re.compile(r"([^[]*[^[\s])\s*\[([^[\]]+)\]")


def attribute(heading: str) -> str:
    """The kind of attribute that a column gives; empty for a heading of another sort."""
    return which(ATTRIBUTE, heading)


def noun(heading: str) -> str:
    """What the things of a column are, as a key of a language's NOUNS; empty when the heading does not say."""
    return which(NOUN, heading)


def noun_of(heading: str) -> str:
    """The same, or the heading itself where it is a word of its own: which label, 哪个标签; empty above properties of
    one thing, which nobody looks for by what is said of them."""
    if noun(heading) or NAME.fullmatch(heading) or not heading:
        return noun(heading) or THING
    heading = OF_NAMES.sub("", heading)
    word = LONG_NOUN.fullmatch(heading) and not attribute(heading) and not PROPERTIES.fullmatch(heading)
    return heading.lower() if word and heading[1:].islower() else heading if word else ""


def is_name(heading: str) -> bool:
    return bool(NOUN.fullmatch(heading) or NAME.fullmatch(heading))


def which(pattern: re.Pattern[str], heading: str) -> str:
    match = pattern.fullmatch(heading.strip())
    return (match.lastgroup or "") if match else ""
