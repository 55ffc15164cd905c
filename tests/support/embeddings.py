"""A static embedding model with a dozen words."""

import pytest


@pytest.fixture
def word_model(tmp_path) -> str:
    """A static embedding model of a few words, in which purpose and use are one, and length and width nearly so."""
    model2vec = pytest.importorskip("model2vec", reason="the extra semantic is not installed")
    import numpy
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "purpose", "use", "length", "width", "red"]
    vectors = numpy.array([[0, 0, 0.1], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0.1, 1, 0], [0, 0, 1]], dtype="float32")
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(tmp_path / "words")
    return str(tmp_path / "words")
