"""Token ids of rendered conversations, with special tokens only where the template wrote them.

A page may well contain `<|im_end|>` or `</s>`. Tokenised as it stands, such text would end a turn in the middle; so a
row whose special tokens are not exactly those of its template is tokenised by a twin of the tokenizer, which knows
the special tokens under names that no text can contain.
"""

import functools
import json
import re
from typing import Any

import tokenizers

from stages.common.chat.templates import Chat, Message
from stages.format.rendering import Rendered, RowError, Turn, next_role, pieces

PROBE = [{"role": role, "content": f"{role}-turn"} for role in ("user", "assistant", "user", "assistant")]


class Encoder:
    """The tokenizer of a chat, without what it adds by itself. `specials`: tokens that are never text, by name."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.backend = bare(chat.tokenizer.backend_tokenizer.to_str())
        added = self.backend.get_added_tokens_decoder()
        literals = "".join(chat.texts([PROBE, PROBE[:1]]) + chat.texts([PROBE[:1]], prompt=True))
        # Added tokens are not all special: Gemma has runs of newlines and HTML tags among them, which are text.
        self.specials = {
            token.content: i
            for i, token in added.items()
            if token.special or (token.content in literals and re.search(r"\w", token.content))
        }
        self.ids = frozenset(self.specials.values())
        self.bos = chat.tokenizer.bos_token_id
        names = sorted(self.specials, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, names)) or r"(?!)")
        self.opener = next_role(chat, self.pattern)
        self.expected: dict[tuple[tuple[str, ...], ...], list[int]] = {}
        self.segment_ids = functools.lru_cache(maxsize=1024)(self.encode_ids)

    def encode_ids(self, text: str) -> list[int]:
        ids: list[int] = self.backend.encode(text, add_special_tokens=False).ids
        return ids

    @functools.cached_property
    def twin(self) -> Any:
        """The same tokenizer with its special tokens renamed."""
        definition = json.loads(self.backend.to_str())
        return bare(json.dumps(renamed(definition, {name: alias(i) for name, i in self.specials.items()})))

    def ids_of(self, texts: list[str]) -> list[list[int]]:
        """The tokens alone, faster."""
        return [encoding.ids for encoding in self.backend.encode_batch_fast(texts, add_special_tokens=False)]

    def encode(self, texts: list[str]) -> list[Any]:
        """The texts as a server tokenises them."""
        encodings: list[Any] = self.backend.encode_batch(texts, add_special_tokens=False)
        return encodings

    def specials_of(self, row: Rendered) -> list[int]:
        """The special tokens that the template writes into rows of this shape, found in the first one that comes."""
        shape = tuple((message["role"], *message) for message in row.messages)
        if shape not in self.expected:
            self.expected[shape] = self.written(row.messages, row.text)
        return self.expected[shape]

    def is_clean(self, row: Rendered, ids: list[int]) -> bool:
        """Whether the special tokens are those that the template writes, in their order."""
        specials = [i for i in ids if i in self.ids]
        return specials == self.specials_of(row) or specials == self.written(row.messages, row.text)

    def written(self, messages: list[Message], text: str) -> list[int]:
        """The special tokens that the template writes around the contents."""
        literals = (piece for name, piece in pieces(self.chat, messages, text) if name is None)
        return [self.specials[name] for literal in literals for name in self.pattern.findall(literal)]

    def encode_by_twin(self, row: Rendered) -> tuple[Any, Rendered]:
        """The encoding of a row whose contents look like special tokens, and the row with positions that fit it."""
        shifts: list[tuple[int, int]] = []  # from this position of the text on, positions move by so much
        out, position, shift = [], 0, 0
        for name, piece in pieces(self.chat, row.messages, row.text):
            start = position
            for special in self.pattern.finditer(piece) if name is None else ():
                out += [piece[position - start : special.start()], alias(self.specials[special[0]])]
                position = start + special.end()
                shift += len(out[-1]) - len(special[0])
                shifts.append((position, shift))
            out.append(piece[position - start :])
            position = start + len(piece)

        def moved(place: int) -> int:
            return place + next((by for since, by in reversed(shifts) if since <= place), 0)

        text = "".join(out)
        encoding = self.twin.encode(text, add_special_tokens=False)
        if [i for i in encoding.ids if i in self.ids] != self.written(row.messages, row.text):
            raise RowError("text is taken for a special token")
        turns = tuple(Turn(moved(turn.start), moved(turn.answer), moved(turn.end)) for turn in row.turns)
        return encoding, Rendered(text, turns, row.messages)


def alias(token_id: int) -> str:
    """A name for a special token in Unicode's noncharacters, which no text contains."""
    return f"\ufdd3{token_id}\ufdd4"


def bare(definition: str) -> Any:
    """A tokenizer that adds, pads and cuts nothing, and whose offsets are those of the whole token."""
    backend = tokenizers.Tokenizer.from_str(definition)
    backend.post_processor = None
    backend.no_padding()
    backend.no_truncation()
    backend.encode_special_tokens = False
    return backend


def renamed(definition: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A tokenizer's definition with some tokens under other names and the same ids."""
    for token in definition["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
    model = definition["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {names.get(name, name): i for name, i in model["vocab"].items()}
    else:  # Unigram: [name, score] in the order of ids
        model["vocab"] = [[names.get(name, name), score] for name, score in model["vocab"]]
    if model.get("unk_token"):
        model["unk_token"] = names.get(model["unk_token"], model["unk_token"])
    return definition
