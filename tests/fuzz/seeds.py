"""Good inputs, from which bad ones are made by small changes: most faults lie next to what is right."""

import json
import random

from edge_gateway.codes.gs1 import GS
from edge_gateway.contract import parcel_label
from firmware import frame
from tests.edge_gateway.test_golden_messages import golden

SEEDS: dict[str, list[bytes]] = {
    "frames": [
        frame.encode(frame.Frame(kind, 7, 3, 100, payload))
        for kind in range(1, 7)
        for payload in (b"", b"\0\1\2\3", bytes(range(60)))
    ],
    "mqtt_payloads": [json.dumps(entry["message"]).encode() for entry in golden().values()],
    "mqtt_topics": [b"buurtrit/v1/buurenzo/colmschate/van-1/up/events", b"buurtrit/v1/o/h/g/down/plan"],
    "nmea": [
        b"$GPRMC,152505.00,A,5547.82113,N,02334.14130,E,0.253,,091209,,,A*7A\r\n",
        b"$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39\r\n",
    ],
    "gpsd": [
        b'{"class":"TPV","mode":3,"time":"2026-11-23T07:00:00.000Z","lat":52.25,"lon":6.2,"speed":3.1,"track":90.0,"epx":3}'
    ],
    "uds": [bytes.fromhex("10356101000003660000000021"), bytes.fromhex("0562D410A90C0000"), bytes(56)],
    "barcodes": [
        b"]d201098765432109821728013110A1C2E3G4I5" + GS.encode() + b"2112345AZRQF1234567890",
        b"RB473124829NL",
        b"00376104250021234569",
        b"(01)38425876095074(17)181119",
        b"bsn 111222333",
        b"008182709980000020033350276C",
        parcel_label.label(7).encode(),
    ],
}


def mutated(target: str, chance: random.Random) -> bytes:
    """A seed with a few changes, or some bytes that are nothing at all."""
    seeds = SEEDS[target]
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(80))
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0 if data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case 1 if data:
                data[at % len(data)] = chance.randrange(256)
            case 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 4))
            case 3:
                del data[at : at + chance.randrange(1, 8)]
            case 4:
                other = chance.choice(seeds)
                cut = chance.randrange(len(other) + 1)
                data[at:at] = other[cut : cut + chance.randrange(1, 30)]
            case _:
                data[at:at] = chance.choice((b"\0", b"\xff", b"-", b"9" * 20, b"1e999", b"null", b"NaN", b"\x1d", b"$"))
    return bytes(data)
