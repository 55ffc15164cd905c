"""How long a conversation a server makes room for."""

from stages.common.base import paths
from stages.common.records.files import read_json


def context(trained: int) -> int:
    """Room for prompt and answer together, in tokens: twice the longest trained row, within what the model has."""
    config = read_json(paths.MERGED / "config.json")
    limit = config.get("text_config", config).get("max_position_embeddings")
    wanted = max(2048, 2 * trained)
    return min(wanted, limit) if limit else wanted
