"""Tokenizers of the model families that users train, small enough for a test.

The chat templates are the public ones: TRL carries those of Qwen3, Llama 3, Gemma and Phi-3 unchanged, Mistral's and
SmolLM2's are written down here. The vocabularies are BPE trained on our own manual; what makes a family differ is real:
its special tokens, normaliser, pre-tokeniser, byte fallback and BOS.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from support.repository import ROOT
from support.tiny_model import CHATML

TRL_TEMPLATES = Path(str(find_spec("trl").submodule_search_locations[0])) / "chat_templates"

# Mistral-7B-Instruct-v0.2, tokenizer_config.json.
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
# SmolLM2-135M-Instruct, tokenizer_config.json.
SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN_PATTERN, LLAMA3_PATTERN = WORDS + REST, WORDS + "{1,3}" + REST


@dataclass(frozen=True)
class Family:
    """`specials` have an id of their own and are never text; `words` have one, too, and are text (Gemma's tags)."""

    template: str
    build: Callable[[list[str], list[str]], Tokenizer]
    specials: tuple[str, ...]
    words: tuple[str, ...] = ()
    bos: str | None = None
    eos: str = ""
    training_template: str | None = None  # with generation marks
    system: bool = True


def text() -> list[str]:
    """What the tokenizers learn from: a text that does not change, so that their merges do not."""
    return (ROOT / "LICENSE").read_text("utf-8").splitlines(True)


def byte_level(pattern: str | None, normalizer: Any = None) -> Callable[[list[str], list[str]], Tokenizer]:
    def build(specials: list[str], words: list[str]) -> Tokenizer:
        tokenizer = Tokenizer(models.BPE(ignore_merges=pattern == LLAMA3_PATTERN))
        if normalizer:
            tokenizer.normalizer = normalizer
        level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
        split = [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else [pre_tokenizers.Digits(True)]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*split, level])
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(text(), trainer)
        # Trims white space from offsets, as the tokenizers of Llama 3 and GPT-2 do.
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
        return with_tokens(tokenizer, specials, words)

    return build


def sentence_piece(normalizer: Any, pre_tokenizer: Any) -> Callable[[list[str], list[str]], Tokenizer]:
    """BPE over ▁ for spaces with byte fallback, special tokens in the vocabulary: Llama 2, Mistral, Gemma."""

    def build(specials: list[str], words: list[str]) -> Tokenizer:
        raw = Tokenizer(models.BPE())
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
        trainer = trainers.BpeTrainer(vocab_size=1200, special_tokens=["<unk>", *specials], show_progress=False)
        raw.train_from_iterator(text(), trainer)
        vocabulary = raw.get_vocab()
        for token in [f"<0x{byte:02X}>" for byte in range(256)]:
            vocabulary.setdefault(token, len(vocabulary))
        merges = [tuple(pair) for pair in json.loads(raw.to_str())["model"]["merges"]]
        model = models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True)
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizer
        if pre_tokenizer:
            tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        return with_tokens(tokenizer, ["<unk>", *specials], words)

    return build


def with_tokens(tokenizer: Tokenizer, specials: list[str], words: list[str]) -> Tokenizer:
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in specials])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in words])
    return tokenizer


def trl(name: str) -> str:
    return (TRL_TEMPLATES / f"{name}.jinja").read_text("utf-8")


def marked(template: str, said: str) -> str:
    """A template with generation marks around what the assistant says."""
    assert said in template
    return template.replace(said, "{% generation %}" + said + "{% endgeneration %}")


IM = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SPACES = normalizers.Replace(" ", "▁")
LLAMA3 = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
)
GEMMA = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
THINK = ("<think>", "</think>", "<tool_call>", "</tool_call>")
CHATML_TRAINING = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ '<|im_start|>assistant\n' }}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}"
)

FAMILIES = {
    "qwen3": Family(trl("qwen3"), byte_level(QWEN_PATTERN, normalizers.NFC()), IM, THINK, None, "<|im_end|>",
                    trl("qwen3_training")),
    "qwen2.5": Family(trl("qwen2_5"), byte_level(QWEN_PATTERN, normalizers.NFC()), IM, THINK, None, "<|im_end|>",
                      trl("qwen2_5_training")),
    "llama3": Family(trl("llama3"), byte_level(LLAMA3_PATTERN), LLAMA3, (), "<|begin_of_text|>", "<|eot_id|>",
                     trl("llama3_training")),
    "llama3.2": Family(trl("llama3_2"), byte_level(LLAMA3_PATTERN), LLAMA3, (), "<|begin_of_text|>", "<|eot_id|>"),
    "gemma": Family(trl("gemma"), sentence_piece(SPACES, pre_tokenizers.Split(" ", "merged_with_previous")), GEMMA,
                    ("\n\n", "\n\n\n", "<table>", "<h1>"), "<bos>", "<end_of_turn>", trl("gemma_training"),
                    system=False),
    "gemma3": Family(trl("gemma3"), sentence_piece(SPACES, pre_tokenizers.Split(" ", "merged_with_previous")), GEMMA,
                     ("\n\n", "\n\n\n", "<table>", "<h1>"), "<bos>", "<end_of_turn>", trl("gemma3_training")),
    "mistral": Family(MISTRAL, sentence_piece(normalizers.Sequence([normalizers.Prepend("▁"), SPACES]), None),
                      ("<s>", "</s>"), (), "<s>", "</s>",
                      marked(MISTRAL, "{{ message['content'] + eos_token}}"), system=False),
    "smollm2": Family(SMOLLM2, byte_level(None), IM, ("<repo_name>", "<file_sep>"), None, "<|im_end|>"),
    "phi3": Family(trl("phi3_5"), sentence_piece(normalizers.Sequence([normalizers.Prepend("▁"), SPACES]), None),
                   ("<s>", "</s>", "<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"), (), "<s>",
                   "<|endoftext|>", trl("phi3_5_training")),
    "chatml": Family(CHATML, byte_level(None), IM, (), None, "<|im_end|>", CHATML_TRAINING),
}  # fmt: skip


@functools.cache
def tokenizer_of(name: str) -> Any:
    """The family's tokenizer with its chat template."""
    from transformers import PreTrainedTokenizerFast

    family = FAMILIES[name]
    backend = family.build(list(family.specials), list(family.words))
    if family.bos:
        bos = (family.bos, backend.token_to_id(family.bos))
        add = processors.TemplateProcessing(single=f"{family.bos} $A", pair=f"{family.bos} $A $B", special_tokens=[bos])
        trimmed = [backend.post_processor] if backend.post_processor else []
        backend.post_processor = processors.Sequence([*trimmed, add])
    special = {"bos_token": family.bos} if family.bos else {}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=family.eos, pad_token=family.specials[0], **special
    )
    fast.chat_template = family.template
    return fast
