"""What a plan was made of, kept in its row so that it can be made again and held against what was adopted.

The question with its seed and its seconds, the iterations that the search took, the map's hash and the answer; names
are left out, for they change no plan. As deflated JSON some kB a plan.
"""

import hashlib
import zlib

import msgspec
from msgspec import Struct

from hub_backend.dispatching.router.problem import PlanAnswer, PlannedRoute, PlanRequest


class Evidence(Struct, frozen=True, kw_only=True):
    """The question as it can be asked again, and the answer that it got."""

    request: PlanRequest
    answer: PlanAnswer

    @classmethod
    def of(cls, request: PlanRequest, answer: PlanAnswer) -> "Evidence":
        """The evidence of an answer to `request`; where the insertion stood in, of a question without seconds."""
        seconds = request.seconds if answer.tier == "search" else 0.0
        asked = msgspec.structs.replace(
            request, names={}, names_en={}, seconds=seconds, iterations=answer.iterations or None
        )
        return cls(
            request=asked, answer=msgspec.structs.replace(answer, routes=_without_lines(answer.routes), changes=())
        )

    @property
    def inputs_hash(self) -> str:
        """sha256 of everything that the answer depends on, hexadecimal: the question and the map."""
        canonical = msgspec.json.encode(self.request, order="deterministic")
        return hashlib.sha256(canonical + self.answer.map_sha256.encode()).hexdigest()

    def packed(self) -> bytes:
        return zlib.compress(msgspec.json.encode(self))

    @classmethod
    def unpacked(cls, data: bytes) -> "Evidence":
        """Raises `ValueError` for what this version cannot read."""
        try:
            return msgspec.json.decode(zlib.decompress(data), type=cls)
        except (zlib.error, msgspec.DecodeError) as error:
            raise ValueError(f"evidence: {error}") from error


def _without_lines(routes: tuple[PlannedRoute, ...]) -> tuple[PlannedRoute, ...]:
    """The line on the map follows from the stops."""
    return tuple(msgspec.structs.replace(route, geometry=()) for route in routes)
