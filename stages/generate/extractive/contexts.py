"""Where a question is about: the shortest description of the place that leaves one answer."""

import itertools
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from stages.common.records.rows import Chunk, Doc
from stages.common.text.wording import CJK, normalised
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.hashes import Values, short_hash
from stages.generate.extractive.headings import aspect, heading_name, is_common

# A name that says by itself what it is about: a dotted key, a path, an option of a command.
IDENTIFIER = re.compile(
    r"`(?:--?\w+[_-][\w-]+|--?[a-z]+[A-Z]\w*|\.?[A-Za-z_][\w-]*(?:\.[A-Za-z_{*][\w{}*-]*)+(?:\([^)]*\))?"
    r"|/[\w.-]+(?:/[\w{}*.-]+){2,}/?)`|--\w+[_-][\w-]+"
)
FILE_NAME = re.compile(
    r"`[\w.-]+\.(?:md|mdx|rst|txt|html?|css|json|ya?ml|toml|ini|cfg|conf|lock|py|[cm]?[jt]sx?|rs|go|sh)`"
)
ONE_WORD = re.compile(r"`[a-z]+`|`?\w`?")  # `status` of what?
MEANT = re.compile(r"\b(?:it|they|them|this|these|those)\b|它们?|这", re.IGNORECASE)  # by the page's name
WORDS = re.compile(r"[A-Za-z][A-Za-z ]{3,}")
# What a folder is called, and the first part of a manual page.
BARE = re.compile(
    r"docs?|site|www|src|pages?|content|main|web|wiki|man|en|zh|[a-z]{2}-[a-z]{2}|(?i:name|synopsis)|名称"
)
UNTITLED = re.compile(
    r"index|readme|快速入门|入门|案例|使用指南|quick ?start|getting started|home|首页|目录", re.IGNORECASE
)
# Pages whose titles say what kind of page they are, not what they are about, and the facts that need no such title.
FAQ = re.compile(
    r"(?:faqs?|frequently asked questions|q ?& ?a|troubleshooting|known issues"
    r"|常见问题(?:解答)?|问题排查|故障排[查除])\b.*",
    re.IGNORECASE,
)
GLOSSARY = re.compile(r"(?:glossary|concepts|terminology|术语表?|名词解释|基本概念)\b.*", re.IGNORECASE)
BY_THEMSELVES = ("faq", "symptom", "cause", "remedy", "definition")
OF_A_SECTION = ("number", "cell", "stated", "code")  # what means little without the heading above it
PARTS_OF_A_PAGE = ("section", "members")  # their wordings always name the page
MIN_QUESTION_CHARS = 36  # of a reader's question that says itself what it is about; twice those of Chinese
MANY = 20  # pages, from which on what stands above most of them is the site


class Name(NamedTuple):
    """What a page is called in a question."""

    title: str
    above: str = ""  # the title of what the page belongs to, when its own is not enough
    shared: int = 0  # how many pages have the title; the name alone serves what all of them say


class Place(NamedTuple):
    """Where a question is about; without a page its subject says that."""

    page: Name | None
    headings: tuple[str, ...] = ()


class Page(NamedTuple):
    """What is known of a page: the titles of the directories that hold it, and its language."""

    breadcrumbs: tuple[str, ...]
    language: str


class Pages:
    """The titles of all pages, and what tells those apart that have the same. Memory holds the path of each, and
    hashes."""

    def __init__(self, docs: Iterable[Doc]) -> None:
        self.of_path: dict[str, Page] = {}
        self.paths, self.titles = list[str](), array("Q")  # of each page the path, and the hash of its title
        known: dict[Page, Page] = {}  # one for all pages of a directory
        held, spread = Counter[str](), Counter[str]()
        folder: list[str] | None = None
        for doc in docs:
            page = Page(tuple(doc["breadcrumbs"]), doc.get("language", ""))
            self.of_path[doc["path"]] = known.setdefault(page, page)
            self.paths.append(doc["path"])
            self.titles.append(title_hash(heading_name(doc["title"])))
            held.update(set(doc["breadcrumbs"]))
            parts = doc["path"].split("/")[:-1]
            spread.update(set(parts))
            folder = parts if folder is None else shared_beginning(folder, parts)
        many = len(self.paths) >= MANY
        self.everywhere = {title for title, pages in held.items() if many and 2 * pages > len(self.paths)}
        self.everywhere |= {name for name, pages in spread.items() if 2 * pages > len(self.paths)}
        self.root = len(folder or ())

    @cached_property
    def with_title(self) -> Values:
        """The pages of each title."""
        pages = Values()
        for path, title in zip(self.paths, self.titles, strict=True):
            pages.add(title, short_hash(path))
        return pages

    @cached_property
    def below(self) -> Values:
        """The pages of each title that stand below each name."""
        pages = Values()
        for path, title in zip(self.paths, self.titles, strict=True):
            for name in set(self.above(path)):
                pages.add(short_hash(f"{title} {name}"), short_hash(path))
        return pages

    def language(self, path: str) -> str:
        """That of a page's prose; empty where it is not known."""
        return self.of_path[path].language if path in self.of_path else ""

    def unasked(self, asked: Iterable[str]) -> dict[str, int]:
        """How many pages there are in languages other than those, by language."""
        languages = (page.language for page in self.of_path.values())
        return dict(sorted(Counter(language for language in languages if language and language not in asked).items()))

    def above(self, path: str) -> list[str]:
        """The titles of the directories that hold a page, the nearest first, and the words of its path."""
        parts = (
            re.sub(r"[\W_]+", " ", part.partition(".")[0]).strip()
            for part in reversed(path.split("/")[self.root :])
            if part not in self.everywhere
        )
        breadcrumbs = self.of_path[path].breadcrumbs if path in self.of_path else ()
        titles = [heading_name(title) for title in reversed(breadcrumbs) if title not in self.everywhere]
        titles += [part for part in parts if WORDS.fullmatch(part) and not UNTITLED.fullmatch(part)]
        return [title for title in titles if not is_common(title)]

    def names(self, chunk: Chunk) -> list[Name]:
        """What the chunk's page may be called, the shortest first."""
        title = heading_name(chunk["headings"][0])
        name, _, part = title.partition(" | ")  # with the part of the site that it is of
        key = title_hash(title)
        same = self.with_title.count(key)
        mine = [path for path in {chunk["path"], *chunk["also_in"]} if self.with_title.has(key, short_hash(path))]
        shared = same > len(mine)
        if not shared and not is_nameless(title) and not UNTITLED.fullmatch(title):
            return [Name(name, part)]
        mine_below = Counter(name for path in mine for name in set(self.above(path)))
        distinct = (
            name
            for name in self.above(chunk["path"])
            if self.below.count(short_hash(f"{key} {name}")) == mine_below[name]
            and normalised(name) != normalised(title)
        )
        above = next(distinct, "")
        if above and is_nameless(title):
            return [Name(above), Name(title, above)] if aspect(title) else [Name(above)]
        if not above or not shared:
            return [Name(title, above)]
        return [Name(title, shared=same), Name(title, above)]


def title_hash(title: str) -> int:
    return short_hash(normalised(title))


def shared_beginning(one: list[str], other: list[str]) -> list[str]:
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return [part for part, _ in pairs]


class Answers:
    """Which question has which answer over the whole corpus, for every place that a question may name."""

    def __init__(self) -> None:
        self.answers = Values(most=2)
        self.pages = Values()  # where a question with a shared name is answered

    def add(self, fact: Fact, names: list[Name], chunk: Chunk) -> None:
        answer = short_hash(normalised(fact.answer))
        for place in places(fact, names):
            key = question_key(fact, place)
            self.answers.add(key, answer)
            if place.page and place.page.shared:
                for path in (chunk["path"], *chunk["also_in"]):
                    self.pages.add(key, short_hash(path))

    def place(self, fact: Fact, names: list[Name]) -> tuple[Place, int] | None:
        """The first place that leaves one answer, with the key of that question; nothing when no place does. Raises
        KeyError for a fact that was never added."""
        for place in places(fact, names):
            key = question_key(fact, place)
            if not (answers := self.answers.count(key)):
                raise KeyError(fact.subject)
            said_by_all = not place.page or self.pages.count(key) >= place.page.shared
            if answers == 1 and said_by_all:
                return place, key
        return None


def places(fact: Fact, names: list[Name]) -> Iterator[Place]:
    """The places that a question about a fact may name, the shortest first."""
    name = fact.owner or fact.subject
    named = IDENTIFIER.fullmatch(name) and not FILE_NAME.fullmatch(name) and fact.kind not in PARTS_OF_A_PAGE
    asks = fact.kind == "faq" and len(fact.subject) * (1 + bool(CJK.search(fact.subject))) >= MIN_QUESTION_CHARS
    asks = asks and not MEANT.search(fact.subject)
    of_all = FAQ.match if fact.kind != "definition" else GLOSSARY.match
    if named or asks or (fact.kind in BY_THEMSELVES and fact.subject and of_all(names[0].title)):
        yield Place(None)
    headings = [heading_name(heading) for heading in fact.headings]
    headings = [heading for heading in headings if heading and heading not in (names[0].title, fact.subject)]
    topics = [heading for heading in headings if not is_common(heading)]
    label = fact.kind == "code" and fact.subject == heading_name(fact.headings[-1] if fact.headings else "")
    of_section = fact.kind in OF_A_SECTION or (ONE_WORD.fullmatch(fact.subject) and not fact.owner)
    base = topics[-1:] if of_section and not label else []
    in_code = "`" in fact.subject and not BARE.fullmatch(names[0].title)
    if not in_code and is_nameless(names[0].title) and not names[0].above:
        return  # what is an introduction about, and what is the size "in Overview"?
    for page in names:
        yield Place(page, tuple(base))
    if label:
        return  # a heading that several sections of the page have is a label of its code, not what it is about
    naming = headings if fact.subject else topics  # "the purpose of the section Purpose" is no question
    for those in (topics, naming) if topics != naming else (naming,):  # what is common says little by itself
        for size in range(1, len(those) + 1):
            for some in itertools.combinations(reversed(those), size):
                yield Place(names[-1], some[::-1])


def is_nameless(title: str) -> bool:
    """Whether a page's title only says what every page does, or what a folder is called."""
    return is_common(title) or bool(BARE.fullmatch(title))


def question_key(fact: Fact, place: Place) -> int:
    page = [normalised(place.page.title), place.page.above, str(place.page.shared)] if place.page else []
    about = [fact.kind, normalised(fact.subject), normalised(fact.attribute), fact.noun, fact.owner]
    return short_hash("\x1f".join([*page, "\x1e", *place.headings, "\x1e", *about]))
