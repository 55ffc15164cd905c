"""What training shows and logs while it runs: loss, tokens per second, MFU on a GPU, and the time left."""

import time
from typing import Any

from stages.common.models.base import pretrained
from stages.train import processes, throughput


def peak() -> float | None:
    """Peak FLOP/s of the GPU; None on a CPU and on a GPU that the table lacks."""
    import torch

    return throughput.peak_flops(torch.cuda.get_device_name()) if pretrained.device() == "cuda" else None


def meter(trainer: Any, description: str) -> Any:
    """A callback that shows one bar and adds `tokens_per_second` (and `mfu`) to each point of the trainer's log.

    Evaluations and checkpoints do not count as training time. `trainer.tokens` is the number of tokens so far,
    padding left out, of this process, of which the others have as many.
    """
    from tqdm import tqdm
    from transformers import TrainerCallback

    _, parameters = trainer.model.get_nb_trainable_parameters()
    peak_flops = peak()

    class Meter(TrainerCallback):  # type: ignore[misc]
        bar: Any = None
        start, seconds, tokens = 0.0, 0.0, 0  # since the last point of the log

        def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc=description, unit="step")
            self.tokens, self.start = int(trainer.tokens), time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.seconds += time.monotonic() - self.start
            self.start = time.monotonic()
            self.bar.update(state.global_step - self.bar.n)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **others: Any) -> None:
            if "loss" not in logs:
                return
            speed = (int(trainer.tokens) - self.tokens) / max(self.seconds, 1e-9)
            figures = {"tokens_per_second": round(speed * processes.world(), 1)}
            if peak_flops:
                figures["mfu"] = round(throughput.mfu(speed, parameters, peak_flops), 4)
            state.log_history[-1] |= figures
            shown = {"loss": f"{float(logs['loss']):.3f}", "tokens/s": f"{figures['tokens_per_second']:.0f}"}
            self.bar.set_postfix(shown | ({"MFU": f"{figures['mfu']:.0%}"} if peak_flops else {}), refresh=False)
            self.tokens, self.seconds = int(trainer.tokens), 0.0

        def restart_clock(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.start = time.monotonic()

        on_save = on_evaluate = restart_clock

        def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.bar.close()

    return Meter()
