"""What ingest knows of a page: its language, its kind, whether it is published, and which pages are one page."""

import pytest

from stages.ingest.sources import identity
from stages.ingest.sources.kinds import kind, unpublished
from stages.ingest.sources.languages import language, neighbours

PROSE = {
    "en": "The boiler holds nine litres of water. It is filled at the top, and the valve lets the steam out.",
    "zh": "锅炉可容纳九升水，从顶部加注，侧面的阀门用于排出蒸汽。",
    "ja": "ボイラーには九リットルの水が入ります。上から注ぎ、横の弁から蒸気を出します。",
    "ko": "보일러에는 물 구 리터가 들어갑니다. 위에서 채우고 옆의 밸브로 증기를 내보냅니다.",
    "de": "Der Kessel fasst neun Liter Wasser. Er wird oben gefüllt, und das Ventil lässt den Dampf heraus.",
    "fr": "La chaudière contient neuf litres d'eau. On la remplit par le haut, et la soupape laisse sortir la vapeur.",
    "ru": "Котёл вмещает девять литров воды. Его заполняют сверху, а клапан сбоку выпускает пар наружу.",
}
CODE = "```python\nfor number in range(10):\n    print('the answer is here and there', number)\n```\n"
ENGLISH_TABLE = (
    "| Name | Meaning |\n|---|---|\n" + "| `valve` | the part that lets the steam out of the boiler |\n" * 20
)
CHINESE_TABLE = "| 名称 | 含义 |\n|---|---|\n" + "| `valve` | 用于排出锅炉蒸汽的部件 |\n" * 20


@pytest.mark.parametrize("code", PROSE)
@pytest.mark.parametrize("beside", ["", CODE, ENGLISH_TABLE, CHINESE_TABLE])
def test_the_language_of_a_page_is_that_of_its_prose(code, beside):
    assert language(f"{PROSE[code]}\n\n{beside}") == code


def test_chinese_with_latin_names_is_chinese():
    assert language("使用 EMTLab 的 Model 与 Runner 接口运行 Python 脚本，并用 Plot 显示结果。") == "zh"


def test_a_page_of_code_has_no_language_but_that_of_its_neighbours():
    assert language(CODE) == ""
    of = neighbours([("de/a.md", "de"), ("de/b.md", "de"), ("en/a.md", "en"), ("en/b.md", "en"), ("c.md", "en")])
    assert (of("de/deep/x.md"), of("x.md"), neighbours([])("x.md")) == ("de", "en", "")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("guide/valves.md", "manual"),
        ("guide/CHANGELOG.md", "changelog"),
        ("docs/release-notes-2.4.md", "changelog"),
        ("更新日志.md", "changelog"),
        ("about/release-notes/two.md", "changelog"),
        ("history.md", "manual"),
        ("CODE_OF_CONDUCT.md", "conduct"),
        ("docs/contributing.rst", "contributing"),
        (".github/ISSUE_TEMPLATE/bug.md", "contributing"),
        ("SECURITY.md", "contributing"),
        ("guide/security.md", "manual"),
        ("AGENTS.md", "agents"),
        ("guide/agents.md", "manual"),
        ("CLAUDE.md", "agents"),
        ("models/claude.md", "manual"),
        ("llms-full.txt", "agents"),
        ("faq.md", "faq"),
        ("10-常见问题/20-启动.md", "faq"),
        ("tutorial/one.md", "tutorial"),
        ("快速入门.md", "tutorial"),
        ("reference/cli.md", "reference"),
        ("404.md", "index"),
        ("license.md", "manual"),
        ("search.md", "manual"),
    ],
)
def test_a_name_tells_the_kind_where_it_leaves_no_doubt(path, expected):
    assert kind(path, {}, "Boiler", PROSE["en"]) == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("license.md", "MIT\n\nPermission is hereby granted, free of charge, to any person", "licence"),
        ("license.md", "Copy the key of your licence into the field *Key*.", "manual"),
        ("boiler.md", "# Boiler\n\n## 2.1.0\n\n- a\n\n## 2.0.1 (2026-01-02)\n\n- b\n\n## 1.9.0\n\n- c\n", "changelog"),
        ("steps.md", "# Boiler\n\n## 1.1 Fill\n\na\n\n## 1.2 Heat\n\nb\n\n## 1.3 Wait\n\nc\n", "manual"),
        ("history.md", "# History\n\n## Beginnings\n\nIn 1901.\n", "manual"),
        (
            "boiler.md",
            "# Boiler\n\n## 2.1.0: Parts of it\n\na\n\n## 2.1.1: Care of it\n\nb\n\n## 2.1.2: Fuel for it\n",
            "manual",
        ),
        ("HISTORY.md", "# Boiler\n\n## 2.1.0\n\n- a\n", "changelog"),
        ("example.md", "Guides lead a user through a specific task they want to accomplish.", "demo"),
        ("SUMMARY.md", "- [One](one.md)\n- [Two](two.md)\n", "index"),
        ("summary.md", "In summary, " + PROSE["en"], "manual"),
    ],
)
def test_the_text_tells_the_kind_where_a_name_does_not(path, text, expected):
    assert kind(path, {}, "", text) == expected


def test_front_matter_tells_the_kind():
    assert kind("a.md", {"doc_type": "How-To"}, "Boiler", "text") == "tutorial"


@pytest.mark.parametrize(
    "front", [{"draft": True}, {"draft": "true"}, {"unlisted": "yes"}, {"published": False}, {"status": "Draft"}]
)
def test_a_page_that_its_site_does_not_show_says_so(front):
    assert unpublished(front, "a.md")
    assert not unpublished({key: {True: False, False: True}.get(value, "no") for key, value in front.items()}, "a.md")


@pytest.mark.parametrize(
    "path",
    [
        "docs/fill/boiler.md",
        "docs/fill/boiler.mdx",
        "fill/10-boiler.md",
        "zh/fill/boiler.md",
        "docs/zh-CN/fill/boiler.md",
        "content/de/fill/boiler.md",
        "fill/boiler.fr.md",
        "i18n/de/docusaurus-plugin-content-docs/current/fill/boiler.md",
        "i18n/pt-BR/docusaurus-plugin-content-docs/version-2.1/fill/boiler.md",
        "versioned_docs/version-1.0.0/fill/boiler.md",
        "_versions/3.2/fill/boiler.md",
        "v2/fill/boiler.md",
        "latest/fill/boiler.md",
        "2026-01-31/fill/boiler.md",
    ],
)
def test_translations_and_versions_of_a_page_have_its_name(path):
    assert identity.name(path).name == "fill/boiler"
    assert identity.name("fill/valve.md").name != "fill/boiler"


def groups(*pages: tuple[str, str, str]) -> list[str]:
    found = identity.groups(identity.page(path, code, text) for path, code, text in pages)
    return [found[path] for path, _, _ in pages]


LONG = "\n\n".join(f"Paragraph {n} of the page says that the valve opens at {n * 3} bar." for n in range(20))


def test_a_renamed_twin_is_the_same_page():
    one, other, third = groups(
        ("boiler.md", "en", LONG), ("kettle.md", "en", LONG + "\n\nAnd so on."), ("x.md", "en", PROSE["en"])
    )
    assert one == other != third


def test_a_translation_under_another_name_is_found_by_its_code():
    code = "\n\n".join(f"`valve.{n}` `{n * 37}.5` https://example.org/{n}" for n in range(12))
    one, other = groups(("boiler.md", "en", PROSE["en"] + code), ("kessel.md", "de", PROSE["de"] + code))
    assert one == other


def test_groups_do_not_depend_on_the_order_of_the_pages():
    pages = [("a.md", "en", LONG), ("b.md", "en", LONG), ("zh/a.md", "zh", PROSE["zh"]), ("c.md", "en", "short")]
    assert groups(*pages) == groups(*reversed(pages))[::-1]


@pytest.mark.parametrize(
    ("versions", "left_out"),
    [
        ([], set()),
        (["2.0"], {"docs/a.md", "versioned_docs/version-1.0/a.md", "versioned_docs/version-1.0/old.md"}),
        (["1.0", "2.0"], {"docs/a.md"}),
        (["9"], {f"versioned_docs/version-{page}.md" for page in ("1.0/a", "1.0/old", "2.0/a")}),
    ],
)
def test_one_version_of_a_site_can_be_chosen(versions, left_out):
    paths = [
        "docs/a.md",
        "docs/new.md",
        *(f"versioned_docs/version-{page}.md" for page in ("1.0/a", "1.0/old", "2.0/a")),
    ]
    found = identity.groups(identity.page(path, "en", f"Text of {path}.") for path in paths)
    assert identity.other_versions(versions, found) == left_out
