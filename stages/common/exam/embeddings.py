"""Static embeddings (model2vec, https://github.com/MinishLab/model2vec): one lookup for each token, no GPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.common.base.errors import ParamsError, UserError


class Embeddings:
    """The model in a local directory; `key` of params.yaml names it. Raises UserError without the extra, ParamsError
    without the model."""

    def __init__(self, directory: str, key: str) -> None:
        try:
            from model2vec import StaticModel
        except ImportError:
            raise UserError(f"{key} needs the extra `semantic`; type: pip install 'doclore[semantic]'") from None
        if not (Path(directory) / "model.safetensors").is_file():
            raise ParamsError(
                f"params.yaml: {key} = {directory!r}: accepted is a directory with model.safetensors, as model2vec "
                "saves it"
            )
        self.model = StaticModel.from_pretrained(directory)

    def of(self, texts: Sequence[str]) -> Any:
        """Vectors of length 1, shape (texts, dimensions); of a text without any known token the zero vector."""
        import numpy as np

        vectors = self.model.encode(list(texts), use_multiprocessing=False)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths, lengths, 1.0)
