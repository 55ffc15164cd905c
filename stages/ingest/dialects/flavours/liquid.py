"""Liquid tags of Jekyll and GitBook: `{% hint style="info" %}` … `{% endhint %}`, tabs, highlighted code, includes."""

import re
from dataclasses import replace

from stages.ingest.dialects import definitions, includes, marks
from stages.ingest.dialects.attributes import attributes, first
from stages.ingest.dialects.bracketed import Bracketed, replaced
from stages.ingest.dialects.flavours import attribute_lists, github, templates, variables
from stages.ingest.dialects.lines import Line, to_text, with_texts
from stages.ingest.dialects.page import Flavour, Page, needs

NAME = re.compile(r"-?\s*(end)?(@?[\w/-]+)\s*")
CLOSED = re.compile(r"\{%-?[ \t]*end([\w-]+)")
LINKS = frozenset(("link", "post_url"))
CODE = re.compile(r"[ \t]*\{%-?[ \t]*highlight[ \t]++([\w+-]++)[^{}]*%\}[ \t]*$")
END_CODE = re.compile(r"[ \t]*\{%-?[ \t]*endhighlight[ \t]*-?%\}[ \t]*$")
HIDDEN = re.compile(
    r"\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}|\{::comment\}.*?\{:/(?:comment)?\}", re.DOTALL
)
OF_KRAMDOWN = re.compile(r"\{:[:/](?:comment|nomarkdown|options|)[^{}\n]*/?\}")
CONTENTS = re.compile(r"[ \t]*(?:[-*+]|\d+\.)[ \t]+\S")
ASSIGNED = re.compile(r"""([\w-]+)[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|(-?[\d.]+))[ \t]*$""")
RAW = re.compile(r"\{%-?[ \t]*(?:end)?(?:raw|verbatim)[ \t]*-?%\}")
LOOP = re.compile(r"\{%-?[ \t]*(end)?for\b[^{}\n]*%\}")
TAG = re.compile(r"\{%[^{}\n]*%\}")
NOTE = re.compile(r"[ \t]*\{:[ \t]*\.(note|tip|warning|important|caution|info|danger|highlight)(-title)?[ \t]*\}$")


@needs("{%")
def code(lines: list[Line], page: Page) -> list[Line]:
    """The lines with highlighted code in fences, which nothing else reads, and without what keeps Liquid away."""
    if not any("{%" in line.text for line in lines):
        return lines
    kept: list[Line] = []
    for line in lines:
        opening = CODE.match(line.text) if "highlight" in line.text else None
        if opening:
            kept.append(line.with_text(f"```{opening[1]}"))
        elif "highlight" in line.text and END_CODE.match(line.text):
            kept.append(line.with_text("```"))
        else:
            kept.append(line.with_text(RAW.sub("", line.text)) if "raw" in line.text else line)
    return kept


def unseen(lines: list[Line], page: Page) -> list[Line]:
    """The lines without comments, kramdown's own tags and the item in place of a table of contents."""
    text = to_text(lines)
    if "comment" in text and HIDDEN.search(text):
        lines = with_texts(lines, HIDDEN.sub(lambda found: "\n" * found[0].count("\n"), text))
    if "{:" not in text:
        return lines
    kept: list[Line] = []
    for line in lines:
        if line.text.strip() == "{:toc}":
            if kept and CONTENTS.match(kept[-1].text):
                kept[-1] = kept[-1].with_text("")
            line = line.with_text("")
        kept.append(line.with_text(OF_KRAMDOWN.sub("", line.text)) if "{:" in line.text else line)
    return kept


@needs("{%")
def loops(lines: list[Line], page: Page) -> list[Line]:
    """The lines without those in a loop that show its variables: what they go through is not here."""
    if not any(LOOP.search(line.text) for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    depth = 0
    for number, line in enumerate(lines):
        signs = LOOP.findall(line.text) if number not in code else []
        if number not in code and "{{" in line.text and (depth or signs):
            page.unread(line, "variable", line.text)
            kept.append(line.with_text("".join(sign for sign in TAG.findall(line.text))))
        else:
            kept.append(line)
        depth = max(depth + sum(-1 if end else 1 for end in signs), 0)
    return kept


@needs("{%")
def tags(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their tags as text, and as marks of notes, tabs and sections."""
    if not any("{%" in line.text for line in lines):
        return lines
    names = templates.Tags(frozenset(CLOSED.findall(to_text(lines))))

    assigned: dict[str, str] = {}

    def text(tag: Bracketed) -> str | None:
        name = NAME.match(tag.inner)
        if name is None:
            return None
        if name[2] == "assign" and (value := ASSIGNED.match(tag.inner[name.end() :].rstrip("- \n"))):
            assigned[value[1]] = value[2] or value[3] or value[4] or ""
        if name[1] and name[2] in names.closed:
            return names.close(name[2])
        return shown(name[2], tag.inner[name.end() :].rstrip("- \n"), tag, names, page)

    lines = replaced(lines, page, {"{%": "%}"}, text)
    return variables.in_braces(lines, replace(page, values={**page.values, **assigned})) if assigned else lines


def shown(name: str, rest: str, tag: Bracketed, names: templates.Tags, page: Page) -> str:
    """What stands in the place of a start tag."""
    if name in LINKS:
        return rest.strip()
    values = attributes(rest)
    if name == "include-markdown" or (name == "include" and {"start", "end"} & values.keys()):
        return part(rest, values, tag, page)
    if name in ("data", "indented_data_reference"):
        return github.data(rest.split()[0].strip("\"'") if rest.split() else "", tag, page, tags)
    if name in ("else", "elsif", "elseif", "case", "when"):
        return " "
    if name in ("include", "include_relative", "include_cached", "include_file"):
        return included(rest, values, tag, page)
    if name == "code" and first(values, "title"):
        text: str | None = marks.block(f"\n\n**{first(values, 'title')}**\n\n")
        names.stack.append((name, ""))
    elif name == "octicon":
        text = first(values, "aria-label")
    elif name == "embed":
        text = names.open(name, {key: value for key, value in values.items() if key != "url"}, [], tag.starts) or ""
    else:
        bare = [word for word, value in values.items() if value == "true"][:1] if name in templates.TAB else []
        text = names.open(name, values, bare, tag.starts)
    if text is None:
        page.unread(tag.line, "liquid", "{% " + f"{name} {rest} %}}")
    return text or ""


def part(rest: str, values: dict[str, str], tag: Bracketed, page: Page) -> str:
    """The text of a page of MkDocs that stands between two signs, as the plugin include-markdown takes it."""
    file = rest.split()[0].strip("\"'") if rest.split() else ""
    got = includes.code(page, tag.line, file, f"./{file}")
    text = to_text(got[1]) if got else ""
    for sign, behind in ((values.get("start", ""), True), (values.get("end", ""), False)):
        if sign and sign in text:
            text = text.partition(sign)[2] if behind else text.partition(sign)[0]
    return marks.block(f"\n\n{text.strip()}\n\n") if tag.alone or "\n" in text.strip() else text.strip()


def included(rest: str, values: dict[str, str], tag: Bracketed, page: Page) -> str:
    """The text of an included page; of an included template only what it is given to show."""
    file = rest.split()[0].strip("\"'") if rest.split() else ""
    said = first(values, "content", "text", "title", "caption", "message")
    if not file.endswith((".md", ".markdown")):
        if not said:
            page.unread(tag.line, "liquid", "{% include " + f"{rest} %}}")
        return marks.block(f"\n\n{said}\n\n") if said else ""
    base = page.site.base
    got = includes.code(page, tag.line, f"/{base}/_includes/{file}", f"./{file}", f"/{base}/{file}")
    return marks.block(f"\n\n{to_text(tags(got[1], page.within(got[0])))}\n\n") if got else ""


def noted(lines: list[Line], page: Page) -> list[Line]:
    """The lines with kramdown's `{: .note }` before a paragraph or a quote as the label of a quote."""
    if not any("{:" in line.text for line in lines):
        return lines
    kept: list[Line] = []
    inside = False
    for number, line in enumerate(lines):
        found = NOTE.match(line.text.rstrip()) if "{:" in line.text else None
        below = lines[number + 1].text if number + 1 < len(lines) else ""
        if found and below.strip() and not (kept and kept[-1].text.strip()):
            inside = True
            label = "Note" if found[1] == "highlight" else found[1].capitalize()
            kept += [line.with_text(f"> **{label}**"), line.with_text(">")]
        elif inside and line.text.strip():
            kept.append(line.with_text(line.text if line.text.startswith(">") else f"> {line.text}"))
        else:
            inside = False
            kept.append(line)
    return kept


BEFORE = (unseen, code, noted, loops, tags, variables.in_braces, definitions.as_items)
GITHUB = Flavour("github", ("data/reusables", "data/variables"), before=BEFORE, after=(github.titles,))
JEKYLL = Flavour("jekyll", ("_config.yml", "_config.yaml"), before=BEFORE, after=(attribute_lists.removed,))
GITBOOK = Flavour("gitbook", (".gitbook.yaml", ".gitbook"), before=BEFORE, after=(attribute_lists.removed,))
