"""The tuned model as its stages load it: merged, or the base with its adapter. Heavy imports stay inside."""

from pathlib import Path
from typing import Any

from stages.common.base.paths import MERGED
from stages.common.models.base import hub, memory, pretrained
from stages.common.schema import Model


def tuned(section: Model, dtype: Any) -> Any:
    """The tuned model as merge left it: complete, or (`merge.method: adapter_only`) the base with its adapter."""
    if (MERGED / "adapter_config.json").exists():
        return adapted(section, dtype, MERGED)
    from transformers import AutoConfig, AutoModelForCausalLM

    place = memory.placement(AutoConfig.from_pretrained(MERGED), dtype, pretrained.device())
    options = {"dtype": dtype, "device_map": place, **pretrained.attention(section)}
    return AutoModelForCausalLM.from_pretrained(MERGED, **options)


def adapted(section: Model, dtype: Any, adapter: Path) -> Any:
    """The base with an adapter on it, in 16 or 32 bits."""
    from peft import PeftModel

    place = memory.placement(hub.config(section), dtype, pretrained.device())
    return PeftModel.from_pretrained(
        pretrained.merge_base(section, dtype, device_map=place), hub.adapter(adapter)
    ).eval()
