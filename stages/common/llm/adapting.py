"""How an endpoint wants to be asked: what it refuses is left out from then on, room that it lacks is not asked for."""

from stages.common.llm import rooms
from stages.common.llm.endpoint import Endpoint
from stages.common.llm.faults import clean
from stages.common.llm.forms import Form
from stages.common.llm.outcome import Outcome
from stages.common.llm.store import Store
from stages.common.llm.talk import Talk
from stages.common.records.files import digest


class Adapter:
    """The form in which an endpoint is asked; `form` is remembered in the store from one run to the next."""

    def __init__(self, endpoint: Endpoint, store: Store, outcome: Outcome) -> None:
        self.endpoint, self.store, self.outcome = endpoint, store, outcome
        self.place = digest(endpoint.address(), endpoint.connection.model, length=64)
        self.form = store.form(self.place)

    def room_left(self, talk: Talk, message: str) -> rooms.Room | None:
        """What a refusal says of the room that there is for this request."""
        asked = min(talk.room, talk.form.most or talk.room)
        return rooms.left(message, asked) if talk.form.room else None

    def shrink(self, talk: Talk, room: rooms.Room) -> bool:
        """Take the room that the server leaves; whether there is any use in it, as no answer broke off in as much."""
        if room.always:
            self.remember(self.form._replace(most=room.tokens), f"for at most {room.tokens} tokens")
        middle = (talk.tried + talk.room) // 2
        known = room.stated or room.tokens > talk.tried or middle - talk.tried < rooms.LEAST
        talk.room, talk.shrunk = room.tokens if known else middle, True
        return talk.room > talk.tried

    def find_form(self, talk: Talk, message: str) -> bool:
        """Whether there is another form than the one that was refused; from now on it holds for all requests."""
        if talk.form == self.form:
            simpler = talk.form.simpler(message)
            if simpler:
                self.remember(simpler, f"{self.form.changes(simpler)} ({clean(message)})")
            return simpler is not None
        return True  # another request has found it meanwhile

    def remember(self, form: Form, how: str) -> None:
        self.form = form
        self.store.put_form(self.place, form)
        self.outcome.adapted.append(how)
        self.endpoint.say(f"{self.endpoint.section}: from now on requests go out {how}")
