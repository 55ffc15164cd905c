"""Union-find (Tarjan 1975): things that belong together, directly or through others."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Unions(Generic[Thing]):
    """Groups of things. A thing that nothing was joined to is a group of its own."""

    def __init__(self) -> None:
        self.parent: dict[Thing, Thing] = {}

    def of(self, thing: Thing) -> Thing:
        """The member of its group that stands for the group."""
        root = thing
        while (parent := self.parent.get(root, root)) != root:
            root = parent
        while (parent := self.parent.get(thing, root)) != root:
            self.parent[thing], thing = root, parent
        return root

    def join(self, things: Iterable[Thing]) -> None:
        """Make one group of the groups of all these."""
        roots = [self.of(thing) for thing in things]
        for root in roots[1:]:
            self.parent[root] = roots[0]
            roots[0] = self.of(roots[0])
