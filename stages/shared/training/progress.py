"""What training shows while it runs."""

from typing import Any


def loss_bar(description: str) -> Any:
    """A callback that shows steps and loss in one bar."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class LossBar(TrainerCallback):  # type: ignore[misc]
        bar: Any = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc=description, unit="step")

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.bar.update(state.global_step - self.bar.n)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **others: Any) -> None:
            if "loss" in logs:
                self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)

        def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.bar.close()

    return LossBar()
