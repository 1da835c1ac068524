"""The real hub, broker and gateway with provisioned files: keys and certificates change while they work."""

import shutil
import ssl
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from tests.edge_gateway.rig import wait_until
from tests.security.deployment import Served, gateway, hub, tablet_context
from tests.security.organisation import Organisation, Peer, broker, founded

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def organisation(tmp_path: Path) -> Organisation:
    organisation = founded(tmp_path / "office", "van-1", "van-2")
    organisation.office.add_tablet("tab-1")
    return organisation


def taps(van: Served) -> str:
    """A tap on the van's page; its id."""
    tap = str(uuid.uuid4())
    assert van.ask("/api/records", [{"id": tap, "kind": "tour", "phase": "started"}])["stored"] == [tap]
    return tap


def recorded(backend: Served) -> list[str]:
    return [row["event"]["record"] for row in backend.ask("/api/events?kind=tour")]


def all_sent(van: Served) -> bool:
    return van.ask("/api/health")["outbox"]["business"] == 0


def test_a_sealing_key_changes_without_losing_an_event(organisation: Organisation, tmp_path: Path) -> None:
    taps_made = []
    with broker(organisation):
        with hub(organisation, tmp_path), gateway(organisation, "van-1", tmp_path, tablet="tab-1") as van:
            taps_made.append(taps(van))
            wait_until(lambda: all_sent(van))
        old = tmp_path / "stolen"
        shutil.copytree(organisation.folder / "van-1", old)
        with gateway(organisation, "van-1", tmp_path, tablet="tab-1") as van:
            organisation.office.rotate_key("van-1")  # the hub first; the van still has the key from before
            with hub(organisation, tmp_path):
                taps_made.append(taps(van))
                wait_until(lambda: all_sent(van))
        with hub(organisation, tmp_path), gateway(organisation, "van-1", tmp_path, tablet="tab-1") as van:
            taps_made.append(taps(van))
            wait_until(lambda: all_sent(van))
        organisation.office.forget_key("van-1")
        with hub(organisation, tmp_path) as backend, gateway(organisation, "van-1", tmp_path, tablet="tab-1") as van:
            taps_made.append(taps(van))
            wait_until(lambda: all_sent(van))
            assert sorted(recorded(backend)) == sorted(taps_made)
            assert backend.ask("/api/rejects") == []
            with Peer(Organisation(tmp_path, organisation.port), "stolen") as thief:
                thief.publishes("buurtrit/v1/buurenzo/colmschate/van-1/up/events")
            wait_until(lambda: backend.ask("/api/rejects"))
            assert backend.ask("/api/rejects")[0]["field"] == "payload"


def test_new_certificates_work_beside_the_old_ones(organisation: Organisation, tmp_path: Path) -> None:
    before = (organisation.folder / "van-1" / "cert.pem").read_bytes()
    assert organisation.office.renew([], within=timedelta(days=30)) == []
    assert organisation.office.renew([], within=timedelta(days=800)) == [
        "broker",
        "hub.backend",
        "van-1",
        "van-2",
        "tab-1",
    ]
    assert (organisation.folder / "van-1" / "cert.pem").read_bytes() != before
    old = tmp_path / "old"
    shutil.copytree(organisation.folder / "van-1", old)
    (old / "cert.pem").write_bytes(before)
    organisation.office.renew(["van-2"], within=timedelta(0))
    with (
        broker(organisation),
        hub(organisation, tmp_path),
        gateway(organisation, "van-1", tmp_path, tablet="tab-1") as van,
    ):
        taps(van)
        wait_until(lambda: all_sent(van))


def test_who_was_revoked_is_shut_out_and_keeps_what_it_had(organisation: Organisation, tmp_path: Path) -> None:
    stolen = tmp_path / "stolen"
    shutil.copytree(organisation.folder / "van-2", stolen)
    tablet = tablet_context(organisation, "tab-1", tmp_path)
    organisation.office.revoke("van-2", why="stolen")
    organisation.office.revoke("tab-1", why="lost")
    organisation.office.add_tablet("tab-2")
    assert not (organisation.folder / "van-2").exists()
    with (
        broker(organisation),
        hub(organisation, tmp_path),
        gateway(organisation, "van-1", tmp_path, tablet="tab-2") as van,
    ):
        taps(van)
        wait_until(lambda: all_sent(van))
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            Peer(Organisation(tmp_path, organisation.port), "stolen"),
        ):
            pytest.fail("a revoked van was let in")
        lost = Served(van.process, van.port, van.log, tablet)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            lost.ask("/api/state")
        organisation.office.add("van-2", hub="colmschate", role="van", addresses=[])  # it was found again
    with broker(organisation), Peer(organisation, "van-2"):
        pass


def test_a_page_beyond_the_machine_opens_only_for_a_tablet_with_a_certificate(
    organisation: Organisation, tmp_path: Path
) -> None:
    with gateway(organisation, "van-1", tmp_path, tablet="tab-1") as van:
        assert van.ask("/api/state")["gateway"] == "van-1"
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.load_verify_locations(organisation.folder / "ca.pem")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Served(van.process, van.port, van.log, anybody).ask("/api/state")


def test_no_secret_is_in_the_logs_or_in_the_list_of_processes(organisation: Organisation, tmp_path: Path) -> None:
    key = organisation.office.register.machines["van-1"].key
    assert key is not None
    with (
        broker(organisation),
        hub(organisation, tmp_path) as backend,
        gateway(organisation, "van-1", tmp_path, tablet="tab-1", changes='log_level = "debug"\n') as van,
    ):
        taps(van)
        wait_until(lambda: all_sent(van))
        for served in (backend, van):
            shown = Path(f"/proc/{served.process.pid}/cmdline").read_bytes() + served.log.read_bytes()
            shown += Path(f"/proc/{served.process.pid}/environ").read_bytes()
            assert key.encode() not in shown
            assert b"PRIVATE KEY" not in shown
