"""What goes wrong with machines, lines and data on a day, and when. Everything follows from the seed.

Each fault goes in by the way on which it comes in service (bytes on a line, sentences of a receiver, messages to the
broker, orders to the API); `trouble` makes it happen and `reckoning` looks for it in the record. Times are UTC seconds.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MINUTE_S = 60.0
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Spell:
    """Something that lasts; `who` is a gateway or the source of a node."""

    who: str
    from_s: float
    to_s: float

    def covers(self, who: str, t_s: float, *, room_s: float = 0.0) -> bool:
        """Whether it is so for `who` at `t_s`, or `room_s` before or after."""
        return who == self.who and self.from_s - room_s <= t_s <= self.to_s + room_s


@dataclass(frozen=True)
class Faults:
    """One day's. `clock` is the spell in which nobody keeps that gateway's clock right, with its steps.

    A wrong van and a repeated scan befall who loads first after their moment, an outage the van that has most to do.
    """

    noise_on: str
    noise_s: float
    noise_frames: int
    probe: Spell
    bus_van: str
    bus_s: float
    bus_frames: int
    jump_van: str
    jump_s: float
    jump_fixes: int
    tunnel: Spell
    clock: Spell
    clock_ahead_s: float
    clock_back_at_s: float
    clock_behind_s: float
    wrong_van_s: float
    repeat_s: float
    bad_orders_s: float
    poison_s: float
    poisoned: str
    outage_from_s: float
    outage_to_s: float
    killed: str
    killed_s: float
    hub_killed_s: float


def make_faults(dice: random.Random, at: Callable[[str], float], vans: Mapping[str, str]) -> Faults:
    """Three vans and two hubs share them, so that each has something and none everything.

    Who is killed is none of those that count a fault in memory before they tell it: that nobody acknowledged.
    """
    one, other, strange = dice.sample(sorted(vans), 3)
    noisy, quiet = (f"hub-{hub}" for hub in dice.sample(sorted(set(vans.values())), 2))
    minutes = _minutes(dice)
    probe_s, tunnel_s, clock_s, outage_s = (
        at("10:00") + minutes(150),
        at("10:10") + minutes(25),
        at("11:00") + minutes(30),
        at("09:30") + minutes(240),
    )
    return Faults(
        noise_on=f"{noisy}/{dice.choice(('fridge', 'scanner'))}",
        noise_s=at("09:00") + minutes(360),
        noise_frames=dice.randrange(3, 9),
        probe=Spell(f"{noisy}/fridge", probe_s, probe_s + dice.uniform(20, 26) * MINUTE_S),
        bus_van=strange,
        bus_s=at("13:30") + minutes(90),
        bus_frames=dice.randrange(2, 5),
        jump_van=strange,
        jump_s=at("09:30") + minutes(25),
        jump_fixes=dice.randrange(2, 5),
        tunnel=Spell(strange, tunnel_s, tunnel_s + dice.uniform(5, 9) * MINUTE_S),
        clock=Spell(strange, clock_s, clock_s + dice.uniform(40, 50) * MINUTE_S),
        clock_ahead_s=dice.uniform(1, 4) * HOUR_S,
        clock_back_at_s=clock_s + dice.uniform(15, 25) * MINUTE_S,
        clock_behind_s=dice.uniform(20, 90) * MINUTE_S,
        wrong_van_s=at("08:10") + minutes(160),
        repeat_s=at("08:10") + minutes(160),
        bad_orders_s=at("11:35") + minutes(15),
        poison_s=at("10:45") + minutes(240),
        poisoned=dice.choice(sorted(vans)),
        outage_from_s=outage_s,
        outage_to_s=outage_s + HOUR_S,
        killed=dice.choice((one, other, quiet)),
        killed_s=at("09:30") + minutes(330),
        hub_killed_s=at("09:45") + minutes(315),
    )


def _minutes(dice: random.Random) -> Callable[[float], float]:
    """Up to so many minutes, in seconds."""
    return lambda most: dice.uniform(0, most) * MINUTE_S
