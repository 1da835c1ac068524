"""The golden frames and readings, checked by the same lines on CPython and on MicroPython (which knows no pytest)."""

import json
import sys
from binascii import hexlify, unhexlify


def check(frame, readings, golden):
    """Names of the vectors that hold; the first that does not raises AssertionError with its name."""
    held = []
    for vector in golden["frames"]:
        one = frame.Frame(
            vector["type"], vector["boot"], vector["seq"], vector["age_ms"], unhexlify(vector["payload"].encode())
        )
        line = unhexlify(vector["line"].encode())
        assert frame.encode(one) == line, vector["name"]
        decoder = frame.Decoder()
        assert decoder.feed(line) == [one], vector["name"]
        assert decoder.rejected == 0, vector["name"]
        held.append(vector["name"])
    for vector in golden["refused"]:
        decoder = frame.Decoder()
        assert decoder.feed(unhexlify(vector["line"].encode())) == [], vector["name"]
        assert getattr(decoder, vector["counter"]) == 1, vector["name"]
        assert decoder.rejected == 1, vector["name"]
        held.append(vector["name"])
    for vector in golden["readings"]:
        packed = make(readings, vector).pack()
        assert hexlify(packed).decode() == vector["packed"], vector["name"]
        assert values(readings.unpack(packed)) == vector["values"], vector["name"]
        held.append(vector["name"])
    for vector in golden["no_readings"]:
        try:
            readings.unpack(unhexlify(vector["packed"].encode()))
        except readings.ReadingError as error:
            assert error.field == vector["field"], vector["name"]
        else:
            raise AssertionError(vector["name"])
        held.append(vector["name"])
    return held


def make(readings, vector):
    """The reading of a vector."""
    values = vector["values"]
    if vector["kind"] == "cooler":
        return readings.Cooler(values[0], values[1], tuple(values[2:5]), tuple(values[5:8]))
    if vector["kind"] == "scan":
        return readings.Scan(values[0], unhexlify(values[1].encode()))
    return {"lid": readings.Lid, "alarm": readings.Alarm, "battery": readings.Battery}[vector["kind"]](*values)


def values(reading):
    """What a reading says, as JSON has it."""
    name = type(reading).__name__
    if name == "Cooler":
        return [reading.period_s, reading.lid_open_s] + list(reading.air) + list(reading.product)
    if name == "Scan":
        return [reading.symbology, hexlify(reading.code).decode()]
    if name == "Lid":
        return [reading.open]
    if name == "Alarm":
        return [reading.reason, reading.value]
    return [reading.voltage_mv, reading.current_ma, reading.charge_mah]


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    import frame
    import readings

    with open(sys.argv[2]) as file:
        print(json.dumps(check(frame, readings, json.load(file))))
