"""A cooler's duty: sample every few seconds, tell each period's span, tell the lid, raise its own alarms.

In come two temperatures and the lid from the sensors, out go readings through `emit(reading, made_ms)`. It needs no
network and no gateway. Times are milliseconds of the world's clock, counted from this start.
"""

import readings
from probe import Probe

HYSTERESIS_C = 0.5


class Limit:
    """One threshold that may be crossed for `delay_s` before it is an alarm, once until it is well back again."""

    def __init__(self, reason: int, limit_c: float, delay_s: float):
        self.reason = reason
        self._limit_c = limit_c
        self._delay_ms = int(delay_s * 1000)
        self._sign = 1 if reason == readings.TOO_WARM else -1
        self._since_ms: int | None = None
        self._is_raised = False

    def is_well_within(self, temp_c: float) -> bool:
        """Whether this temperature ends what the limit raised."""
        return (temp_c - self._limit_c) * self._sign <= -HYSTERESIS_C

    def is_due(self, temp_c: float | None, now_ms: int) -> bool:
        """True at the one sample that makes it an alarm; an unknown temperature changes nothing."""
        if temp_c is None:
            return False
        if self.is_well_within(temp_c):
            self._is_raised = False
        if (temp_c - self._limit_c) * self._sign <= 0:
            self._since_ms = None
            return False
        if self._since_ms is None:
            self._since_ms = now_ms
        if self._is_raised or now_ms - self._since_ms < self._delay_ms:
            return False
        self._is_raised = True
        return True


class Side:
    """The limits of one side: what one of them raised is over when the temperature is well within all of them.

    `told` is what an earlier boot last told: an alarm that nobody ended meanwhile is ended by this one.
    """

    def __init__(self, reason: int, over: int, limits: list, told: bool | None):
        self._reason = reason
        self._over = over
        self._limits = [Limit(reason, limit_c, delay_s) for limit_c, delay_s in limits]
        self.told = bool(told)

    def look(self, temp_c: float | None, sure_c: float | None, now_ms: int) -> list[int]:
        """The reasons that this sample gives. Only `sure_c`, what counts itself is measured at, ends an alarm."""
        told = [self._reason for limit in self._limits if limit.is_due(temp_c, now_ms)]
        if told:
            self.told = True
        elif self.told and sure_c is not None and all([limit.is_well_within(sure_c) for limit in self._limits]):
            self.told = False
            told.append(self._over)
        return told


class LidWatch:
    """Tells each change of the lid, how long it was open, and when it is open too long.

    `told` is what an earlier boot last told: a lid that moved while the node was down is told at the first look.
    """

    def __init__(self, alarm_s: float, told: bool | None):
        self._alarm_ms = int(alarm_s * 1000)
        self.told = bool(told)
        self._open_since_ms: int | None = None
        self._is_raised = False
        self._seen_ms: int | None = None
        self._open_ms = 0

    def look(self, is_open: bool | None, now_ms: int) -> tuple[bool | None, int | None]:
        """(the new state if it changed, when the alarm for too long became due): None for each that did not happen."""
        if is_open is None:
            return None, None
        if self._open_since_ms is not None and self._seen_ms is not None:
            self._open_ms += now_ms - self._seen_ms
        self._seen_ms = now_ms
        alarm_ms = self._watch(is_open, now_ms)
        if is_open == self.told:
            return None, alarm_ms
        self.told = is_open
        return is_open, alarm_ms

    def take_open_s(self, period_s: int) -> int | None:
        """Seconds open of the period that ends now, what is over is for the next; None when there is no switch."""
        if self._seen_ms is None:
            return None
        open_s = min((self._open_ms + 500) // 1000, period_s)
        self._open_ms -= open_s * 1000
        return open_s

    def _watch(self, is_open: bool, now_ms: int) -> int | None:
        if is_open and self._open_since_ms is None:
            self._open_since_ms = now_ms
        due_ms = None
        if self._open_since_ms is not None and not self._is_raised:
            if now_ms - self._open_since_ms >= self._alarm_ms:
                self._is_raised = True
                due_ms = self._open_since_ms + self._alarm_ms
        if not is_open:
            self._open_since_ms = None
            self._is_raised = False
        return due_ms


class Cooler:
    """The loop of a cooler node.

    `sensors` has `settle_ms`, `begin()`, `read() -> (air C, product C)` at least `settle_ms` later, and
    `lid() -> bool | None`; see `sensors.CoolerSensors`. `memory` keeps what was last told of the lid and of each side.
    """

    def __init__(self, settings: dict, sensors, memory, emit, now_ms: int):
        self._sensors = sensors
        self._memory = memory
        self._emit = emit
        self._sample_ms = int(settings["sample_s"] * 1000)
        self._period_ms = int(settings["period_s"] * 1000)
        self._lost_ms = int(settings["probe_lost_s"] * 1000)
        self._lid_alarm_s = settings["lid_alarm_s"]
        self.air = Probe()
        self.product = Probe()
        fitted = ((self.air, settings["air_probe"]), (self.product, settings["product_probe"]))
        self._seen_ms = {probe: now_ms for probe, address in fitted if address is not None}  # last good, or alarmed
        self._lost: set[Probe] = set()
        self._sides = {
            name: Side(reason, over, settings[name], self._recall(name))
            for name, reason, over in (
                ("too_warm", readings.TOO_WARM, readings.TOO_WARM_OVER),
                ("too_cold", readings.TOO_COLD, readings.TOO_COLD_OVER),
            )
        }
        self._lid = LidWatch(settings["lid_alarm_s"], self._recall("lid"))
        self.failed_writes = 0
        self._begun_ms: int | None = None
        self._due_ms = now_ms + self._sample_ms
        self._period_from_ms = now_ms

    @property
    def implausible(self) -> int:
        """Samples that were not believed."""
        return self.air.implausible + self.product.implausible

    def step(self, now_ms: int) -> None:
        """Do what is due; call it often. A jump of the clock makes up for each sample that was due."""
        self._look_at_lid(now_ms)
        while now_ms >= self._due_ms:
            if self._begun_ms is None:
                self._sensors.begin()
                self._begun_ms = now_ms
            if now_ms - self._begun_ms < self._sensors.settle_ms:
                return
            self._begun_ms = None
            self._sample(self._due_ms)
            self._due_ms += self._sample_ms

    def due_in_ms(self, now_ms: int) -> int:
        """How long until the next sample."""
        return max(0, self._due_ms - now_ms)

    def _look_at_lid(self, now_ms: int) -> None:
        changed, alarm_ms = self._lid.look(self._sensors.lid(), now_ms)
        if alarm_ms is not None:
            self._emit(readings.Alarm(readings.LID_OPEN, float(self._lid_alarm_s)), alarm_ms)
        if changed is not None:
            self._emit(readings.Lid(changed), now_ms)
            self._remember("lid", changed)

    def _recall(self, name: str) -> bool | None:
        told = self._memory.read(name)
        return None if told is None else told == 1

    def _remember(self, name: str, told: bool) -> None:
        try:
            self._memory.write(name, 1 if told else 0)
        except OSError:  # worn flash: then a restart may tell this state once more
            self.failed_writes += 1

    def _sample(self, now_ms: int) -> None:
        air_c, product_c = self._sensors.read()
        air_c = self._believe(self.air, air_c, now_ms)
        product_c = self._believe(self.product, product_c, now_ms)
        # Food and medicine are what counts; air swings at every opening and stands in only without a product probe.
        has_product = self.product in self._seen_ms
        temp_c = product_c if has_product and self.product not in self._lost else air_c
        # Air that is cold again says nothing of what lies in it: with a product probe only that ends an alarm.
        sure_c = product_c if has_product else air_c
        for name, side in self._sides.items():
            for reason in side.look(temp_c, sure_c, now_ms):
                self._emit(readings.Alarm(reason, temp_c), now_ms)
                self._remember(name, side.told)
        if now_ms - self._period_from_ms >= self._period_ms:
            self._tell_period(now_ms)

    def _believe(self, probe: Probe, raw_c: float | None, now_ms: int) -> float | None:
        if probe not in self._seen_ms:
            return None
        temp_c = probe.add(raw_c, now_ms)
        if temp_c is not None:
            self._seen_ms[probe] = now_ms
            self._lost.discard(probe)
        elif probe not in self._lost and now_ms - self._seen_ms[probe] >= self._lost_ms:
            self._lost.add(probe)
            self._emit(readings.Alarm(readings.PROBE_LOST, None), now_ms)
        return temp_c

    def _tell_period(self, now_ms: int) -> None:
        period_s = (now_ms - self._period_from_ms) // 1000
        self._period_from_ms = now_ms
        open_s = self._lid.take_open_s(period_s)
        self._emit(readings.Cooler(period_s, open_s, self.air.take_span(), self.product.take_span()), now_ms)
