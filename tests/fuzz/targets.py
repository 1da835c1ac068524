"""What is fuzzed: each target takes bytes that a stranger chose, and fails only where the product would be wrong.

No crash, no hang, no wrong value accepted: every check that can be made of an answer is made here.
"""

import json
import math
from collections.abc import Callable

import msgspec

from edge_gateway import vehicle_profile
from edge_gateway.codes import checks
from edge_gateway.codes.gs1 import GS, Gs1Error, parse
from edge_gateway.codes.reading import RefusedCodeError, read
from edge_gateway.contract import messages, topics
from edge_gateway.contract.sealing import Seal, SealError
from edge_gateway.gps import Fix, Pace, Track
from edge_gateway.gpsd_receiver import fix_of
from edge_gateway.nmea_receiver import Sentences
from edge_gateway.node_link import Data, NodeLink
from edge_gateway.scanner.keys import Keys
from edge_gateway.vehicle.dashboard import RANGES, Dashboard
from edge_gateway.vehicle.questions import Conversation
from edge_gateway.vehicle.shunt import Blocks
from firmware import frame

NOW_S = 1_795_417_200.0
SEAL = Seal("MffYOk7XHUMpBk1Di6O8KH9QCv4hupUSKPYaROOXkkI=")
TOPIC = "buurtrit/v1/o/h/g/down/plan"
DECODERS = (
    messages.decode_batch,
    messages.decode_event.decode,
    messages.decode_committed,
    messages.decode_presence,
    messages.decode_host_state,
    messages.decode_downlink.decode,
)
PROFILES = [vehicle_profile.load(name) for name in vehicle_profile.names()]
_uds_query = next(query for profile in PROFILES for query in profile.queries if query.request == "2101")


def frames(data: bytes) -> None:
    """The serial line: any bytes; a frame that is accepted encodes to itself again."""
    decoder = frame.Decoder()
    for one in decoder.feed(data):
        assert list(frame.Decoder().feed(frame.encode(one))) == [one]
    link = NodeLink(0.0)
    for said in link.feed(data, 0.0):
        if isinstance(said, Data):
            assert said.age_s is None or said.age_s >= 0
    link.take_outgoing()


def mqtt_payloads(data: bytes) -> None:
    """Payloads of every kind; what is accepted is within its ranges and survives the way out and in again."""
    for decode in DECODERS:
        try:
            message = decode(data)
        except msgspec.MsgspecError:
            continue
        assert decode(messages.encode(message)) == message
        if isinstance(message, messages.Position) and message.lat is not None:
            assert -90 <= message.lat <= 90
    try:
        SEAL.open(data, topic=TOPIC)
    except SealError:
        return
    raise AssertionError("a seal that nobody made was opened")


def mqtt_topics(data: bytes) -> None:
    """Topics: an address that is read is written the same."""
    text = data.decode("utf-8", errors="surrogateescape")
    try:
        address, leaf = topics.Address.of_topic(text)
    except ValueError:
        return
    assert address.topic(leaf) == text


def nmea(data: bytes) -> None:
    """NMEA: fixes without impossible numbers, and no sentence without its checksum."""
    refused: list[str] = []
    sentences = Sentences(lambda field, _reason: refused.append(field))
    track = Track(Pace(moving_period_s=5, standing_period_s=60, fix_timeout_s=5), lambda _f, _r: None)
    for fix in sentences.feed(data + b"\n"):
        _is_sane(track, fix)


def gpsd(data: bytes) -> None:
    """gpsd's JSON: a TPV is a fix or none, whatever it holds."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(said, dict):
        return
    try:
        fix = fix_of(said)
    except (ValueError, TypeError, KeyError, OverflowError):
        return  # the receiver is closed and opened anew
    _is_sane(Track(Pace(moving_period_s=5, standing_period_s=60, fix_timeout_s=5), lambda _f, _r: None), fix)


def _is_sane(track: Track, fix: Fix) -> None:
    seen = track.take(fix, NOW_S)
    if seen is not None and seen.position.fix != "none":
        assert seen.position.lat is not None and math.isfinite(seen.position.lat) and abs(seen.position.lat) <= 90
        assert seen.position.lon is not None and math.isfinite(seen.position.lon) and abs(seen.position.lon) <= 180
        assert seen.position.speed_m_s is None or 0 <= seen.position.speed_m_s <= 70


def uds(data: bytes) -> None:
    """Answers of control units: frames of ISO-TP in any order, and whole answers; nothing out of range is told."""
    talk = Conversation(_uds_query, send=lambda _frame: None, now_s=0.0)
    for at in range(0, len(data), 8):
        talk.hear(_uds_query.rx, data[at : at + 8], 0.0)
    panel = Dashboard(period_s=10, refuse=lambda _field, _reason: None)
    for profile in PROFILES:
        for query in profile.queries:
            panel.take(query.decode(query.echo + data), NOW_S)
        for can_id in {signal.can_id for signal in profile.signals}:
            panel.take(profile.hear(can_id, data[:8]), NOW_S)
    for field, value in panel.known(NOW_S).items():
        low, high = RANGES[field]
        assert low <= value <= high
    panel.due(NOW_S, "van-1")
    Blocks(lambda _field, _reason: None).feed(data)


def barcodes(data: bytes) -> None:
    """Codes: read or refused; what is kept is never a citizen's number, and is read the same again."""
    text = data.decode("utf-8", errors="backslashreplace")
    try:
        kept = read(text, this_year=2026)
    except RefusedCodeError as error:
        assert text.strip() == "" or len(text) < 4 or text not in str(error)
    else:
        assert 1 <= len(kept.code) <= 200 and not checks.bsn(kept.code)
        assert read(kept.code, this_year=2026).code == kept.code
    try:
        for ai, value in parse(text.replace("^", GS)).values.items():
            assert ai.isdecimal() and value
    except Gs1Error:
        pass
    Keys(lambda _field, _reason: None).feed(data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "frames": frames,
    "mqtt_payloads": mqtt_payloads,
    "mqtt_topics": mqtt_topics,
    "nmea": nmea,
    "gpsd": gpsd,
    "uds": uds,
    "barcodes": barcodes,
}
