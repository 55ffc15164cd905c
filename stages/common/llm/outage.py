"""An endpoint that is away for some minutes, as one that restarts, is waited for."""

import time
from collections.abc import Callable

from stages.common.base.errors import UserError
from stages.common.llm.endpoint import Endpoint


class Outage:
    """The time since an endpoint went away; `show` puts it beside the progress bar."""

    def __init__(self, endpoint: Endpoint, show: Callable[[str], None]) -> None:
        self.endpoint, self.show = endpoint, show
        self.began: float | None = None  # on the monotonic clock; None: it is there

    def goes_on(self, most: float, why: str) -> None:
        """Note a call that did not reach the endpoint. Raises UserError when that has been so for `most` seconds."""
        if self.began is None:
            self.began = time.monotonic()
            self.endpoint.say(
                f"{self.endpoint.section}: the endpoint is unreachable ({why}); waiting for up to {most:.0f} s"
            )
        away = time.monotonic() - self.began
        self.show(f"waiting for the endpoint: {away:.0f} of {most:.0f} s")
        if away > most:
            raise UserError(
                f"the endpoint has been unreachable for {away:.0f} s ({why}); answers so far are stored: when it is "
                "back, `dvc repro` continues from here"
            )

    def over(self) -> None:
        """Note a call that was answered."""
        self.began = None
