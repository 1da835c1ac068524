"""At a real broker with the configuration that provisioning writes: who is let in, and what each may say and hear."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_gateway.contract.topics import COMMITTED, EVENTS, PLAN, PRESENCE, Address
from tests.edge_gateway.rig import wait_until
from tests.security.organisation import Organisation, Peer, broker, founded

pytestmark = pytest.mark.servers

OURS = Address("buurenzo", "colmschate", "van-1")
THEIRS = Address("buurenzo", "colmschate", "van-2")
CONNECT = bytes.fromhex("10 10 0004 4d515454 05 02 003c 00 0003 76616e")  # MQTT 5, clean start, client "van"


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organisation]:
    organisation = founded(tmp_path_factory.mktemp("office"), "van-1", "van-2")
    with broker(organisation):
        yield organisation


def test_a_van_speaks_and_hears_on_its_own_topics(organisation: Organisation) -> None:
    with Peer(organisation, "hub.backend"), Peer(organisation, "van-1") as van:
        assert {van.subscribes(OURS.topic(leaf)) for leaf in (COMMITTED, PLAN)} == {"Granted QoS 1"}
        assert van.publishes(OURS.topic(EVENTS)) in ("Success", "No matching subscribers")
        assert van.publishes(OURS.topic(PRESENCE)) in ("Success", "No matching subscribers")


@pytest.mark.parametrize("leaf", [EVENTS, PRESENCE, COMMITTED, PLAN])
def test_a_van_can_neither_write_nor_read_anothers_topics(organisation: Organisation, leaf: str) -> None:
    with Peer(organisation, "van-1") as van:
        assert van.subscribes(THEIRS.topic(leaf)) == "Not authorized"
        assert van.publishes(THEIRS.topic(leaf)) == "Not authorized"


@pytest.mark.parametrize(
    "topic", ["#", "+/#", "buurtrit/v1/#", "buurtrit/v1/buurenzo/colmschate/+/down/plan", "$SYS/#", "$CONTROL/#"]
)
def test_a_van_cannot_listen_wider(organisation: Organisation, topic: str) -> None:
    with Peer(organisation, "van-1") as van:
        assert van.subscribes(topic) == "Not authorized"


def test_a_van_cannot_speak_as_the_hub_nor_change_rights(organisation: Organisation) -> None:
    for forbidden in (OURS.topic(PLAN), "$CONTROL/dynamic-security/v1"):
        with Peer(organisation, "van-1") as van:  # this mosquitto says no, and then ends the connection
            assert van.publishes(forbidden) == "Not authorized"
    with Peer(organisation, "van-1") as van:
        assert van.subscribes(OURS.topic(EVENTS)) == "Not authorized"


def test_the_hub_hears_every_gateway_and_answers_it(organisation: Organisation) -> None:
    with Peer(organisation, "hub.backend") as hub, Peer(organisation, "van-2") as van:
        assert hub.subscribes("buurtrit/v1/buurenzo/colmschate/+/up/events") == "Granted QoS 1"
        assert van.subscribes(THEIRS.topic(PLAN)) == "Granted QoS 1"
        assert van.publishes(THEIRS.topic(EVENTS)) == "Success"
        assert hub.publishes(THEIRS.topic(PLAN)) == "Success"
        wait_until(lambda: hub.received == [THEIRS.topic(EVENTS)] and van.received == [THEIRS.topic(PLAN)])


def test_a_certificate_of_another_authority_is_not_let_in(organisation: Organisation, tmp_path: Path) -> None:
    stranger = founded(tmp_path / "stranger", "van-1")
    (stranger.folder / "van-1" / "ca.pem").write_bytes((organisation.folder / "ca.pem").read_bytes())
    stranger.port = organisation.port
    with pytest.raises((ssl.SSLError, ConnectionError)), Peer(stranger, "van-1"):
        pytest.fail("the broker let a stranger in")


def test_a_broker_with_a_certificate_of_another_authority_is_not_believed(
    organisation: Organisation, tmp_path: Path
) -> None:
    stranger = founded(tmp_path / "stranger", "van-1")
    stranger.port = organisation.port
    with pytest.raises(ssl.SSLCertVerificationError), Peer(stranger, "van-1"):
        pytest.fail("the van believed a stranger")


def test_nobody_without_a_certificate_is_let_in(organisation: Organisation) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _first_word(organisation, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_tls_1_1_is_not_spoken(organisation: Organisation) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        _first_word(organisation, old)


def _first_word(organisation: Organisation, context: ssl.SSLContext) -> bytes:
    """What the broker answers to a CONNECT. Raises `ConnectionError` when it says nothing and hangs up."""
    context.load_verify_locations(organisation.folder / "ca.pem")
    with (
        socket.create_connection(("127.0.0.1", organisation.port), timeout=5) as line,
        context.wrap_socket(line, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(CONNECT)
        if answer := secure.recv(1):
            return answer
        raise ConnectionResetError


def test_a_message_above_the_size_is_refused(organisation: Organisation) -> None:
    with Peer(organisation, "van-1") as van:
        van.client.publish(OURS.topic(EVENTS), b"x" * 100_000, qos=1)
        wait_until(lambda: not van.client.is_connected())
