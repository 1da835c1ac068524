"""States and turns while a road network is made: what may follow what, where that depends on what came before.

Comes in: edges by number, joined by turns, and what restricts them. Goes out: the same with a few more states. Only an
edge that a restriction over a way concerns, or that lies in a street for destinations, gets a second state; every other
edge stays one.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from routing.graph_search import breadth_first_order, connected_components, csr_array


class TurnStates:
    """State i is edge i for the first edges; `edge_of` tells it of all. `onward[a]` has milliseconds by next state."""

    def __init__(self, edges: int) -> None:
        self.edge_of = list(range(edges))
        self.onward: list[dict[int, int]] = [{} for _ in range(edges)]
        self._states_of = [[edge] for edge in range(edges)]
        self._entries = Counter[int]()

    def join(self, before: int, after: int, milliseconds: int) -> None:
        """Allow a turn."""
        self.onward[before][after] = milliseconds
        self._entries[after] += 1

    def of_edge(self, edge: int) -> tuple[int, ...]:
        """All states of an edge, its own first."""
        return tuple(self._states_of[edge])

    def forbid(self, state: int, edges: Collection[int]) -> None:
        """Leave out the turns from a state into these edges."""
        for after in [after for after in self.onward[state] if self.edge_of[after] in edges]:
            del self.onward[state][after]
            self._entries[after] -= 1

    def command(self, state: int, edges: Collection[int]) -> None:
        """Leave out the turns from a state into any other edge than these."""
        self.forbid(state, {self.edge_of[after] for after in self.onward[state]} - set(edges))

    def follow(self, state: int, edge: int) -> int | None:
        """The state behind the turn into `edge`, its own for who comes this way; None when that turn is not there."""
        after = next((after for after in self.onward[state] if self.edge_of[after] == edge), None)
        if after is None:
            return None
        if self._entries[after] == 1 and self.edge_of[after] != after:
            return after
        own = self._copy(after)
        self.join(state, own, self.onward[state].pop(after))
        self._entries[after] -= 1
        return own

    def _copy(self, state: int) -> int:
        copy = len(self.edge_of)
        self.edge_of.append(self.edge_of[state])
        self._states_of[self.edge_of[state]].append(copy)
        self.onward.append({})
        for after, milliseconds in self.onward[state].items():
            self.join(copy, after, milliseconds)
        return copy

    # ------------------------------------------------------------ what is connected

    def largest_part(self, states: Iterable[int]) -> set[int]:
        """The largest set among `states` in which every one reaches every other."""
        chosen = sorted(states)
        if not chosen:
            return set()
        place = {state: index for index, state in enumerate(chosen)}
        turns = [(place[a], place[b]) for a in chosen for b in self.onward[a] if b in place]
        _, part = connected_components(_arcs(turns, len(chosen)), directed=True, connection="strong")
        largest = int(np.bincount(part).argmax())
        return {state for state, of in zip(chosen, part.tolist(), strict=True) if of == largest}

    def split(self, main: Collection[int]) -> set[int]:
        """Give every state outside `main` a twin for arriving, and say which states remain.

        From `main` a way leads into twins alone and from a twin never back; the state itself is for leaving. So what
        lies outside can be left for `main` and reached from it, but is no way through. What cannot be both is left out.
        """
        outside = [state for state in range(len(self.edge_of)) if state not in main]
        twin = {state: self._copy(state) for state in outside}
        for state in outside:
            after = self.onward[twin[state]]
            self.onward[twin[state]] = {twin[b]: ms for b, ms in after.items() if b in twin}
        for state in main:
            self.onward[state] = {twin.get(b, b): ms for b, ms in self.onward[state].items()}
        start = min(main)
        turns = [(a, b) for a, onward in enumerate(self.onward) for b in onward]
        arriving = _reached(start, turns, len(self.edge_of))
        leaving = _reached(start, [(b, a) for a, b in turns], len(self.edge_of))
        edges = {self.edge_of[s] for s in main if s == self.edge_of[s]}
        edges |= {e for e in outside if e == self.edge_of[e] and e in leaving and twin[e] in arriving}
        remaining = arriving | leaving
        return {state for state in remaining if self.edge_of[state] in edges}


def _arcs(turns: Sequence[tuple[int, int]], size: int) -> csr_array:
    return csr_array((np.ones(len(turns)), ([a for a, _ in turns], [b for _, b in turns])), shape=(size, size))


def _reached(start: int, turns: Sequence[tuple[int, int]], size: int) -> set[int]:
    return set(breadth_first_order(_arcs(turns, size), start, return_predecessors=False).tolist())
