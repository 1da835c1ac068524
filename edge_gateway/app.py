"""The composition root: settings in, a running gateway out. Here alone parts are built and given to each other."""

import logging
import random
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType

import uvicorn

from edge_gateway import logs
from edge_gateway import vehicle_profile as profiles
from edge_gateway.contract import tls
from edge_gateway.contract.clock import SharedClock, open_clock
from edge_gateway.contract.messages import ClockQuality, Rejected
from edge_gateway.errors import GatewayError, OutboxError, SettingsError
from edge_gateway.gps import Gps, Pace, Receiver
from edge_gateway.gpsd_receiver import GpsdReceiver
from edge_gateway.hub_link import HubLink
from edge_gateway.intake import Intake
from edge_gateway.nmea_receiver import NmeaReceiver
from edge_gateway.outbox import Depth, Outbox
from edge_gateway.page_api import PageApi, resident_mb
from edge_gateway.rejects import Rejects
from edge_gateway.scanner.scanner import Scanner
from edge_gateway.serial_nodes import SerialNode
from edge_gateway.settings import Settings, load
from edge_gateway.state import State, Surroundings
from edge_gateway.timekeeping import Timekeeper, kernel_is_synchronised
from edge_gateway.vehicle.bus import VehicleBus
from edge_gateway.vehicle.shunt import Shunt

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often (machine time) the clock is looked at and counted refusals are told."""


Input = Gps | VehicleBus | Shunt | SerialNode | Scanner


class Gateway:
    """All parts of one gateway. `start` once, `stop` once; the outbox is committed and closed after that.

    Raises `OutboxError` when there can be no outbox: without one nothing may be acknowledged.
    """

    def __init__(self, settings: Settings, *, random: random.Random) -> None:
        self.settings = settings
        self._random = random
        self.stopping = threading.Event()
        self.failed = threading.Event()
        clock = open_clock(None if settings.clock_page is None else Path(settings.clock_page))
        self.outbox = Outbox(
            Path(settings.data_dir) / "outbox.sqlite",
            source=settings.gateway,
            now_s=clock.now_s,
            commit_s=settings.telemetry_commit_s,
            max_bytes=int(settings.outbox_max_mb * 1e6),
            ballast_bytes=int(settings.outbox_ballast_mb * 1e6),
        )
        self.time = Timekeeper(
            clock,
            trusted=lambda: clock.is_kept if isinstance(clock, SharedClock) else kernel_is_synchronised(),
            corrected=self._correct_times,
            stepped=self._tell_step,
            moment=clock.moment if isinstance(clock, SharedClock) else None,
        )
        self.rejects = Rejects(
            source=settings.gateway,
            now_s=self.time.now_s,
            quality=lambda: self.time.quality,
            tell=self._tell_reject,
        )
        around = Surroundings(now_s=self.time.now_s, depth=lambda: self.outbox.depth, rejects=self.rejects.shown)
        self.state = State(settings, around)
        self.intake = Intake(
            gateway=settings.gateway,
            role=settings.role,
            outbox=self.outbox,
            state=self.state,
            rejects=self.rejects,
            time=self.time,
        )
        self.intake.restore()
        self.outbox.watch(self.state.touch)
        self.hub_link = HubLink(
            settings,
            outbox=self.outbox,
            intake=self.intake,
            state=self.state,
            rejects=self.rejects,
            now_s=self.time.now_s,
            random=random,
        )
        self._inputs: list[Input] = [*self._nodes(), *self._scanners(), *self._gps(), *self._vehicle()]
        self._lookout = threading.Thread(target=self._look, name="lookout", daemon=True)
        self.page = PageApi(
            settings,
            outbox=self.outbox,
            intake=self.intake,
            state=self.state,
            rejects=self.rejects,
            time=self.time,
            resent=lambda: self.hub_link.resent,
            stopping=self.stopping.is_set,
        )

    def _nodes(self) -> list[SerialNode]:
        return [
            SerialNode(
                node,
                gateway=self.settings.gateway,
                silence_s=self.settings.node_silence_s,
                outbox=self.outbox,
                intake=self.intake,
                state=self.state,
                rejects=self.rejects,
                time=self.time,
                random=self._random,
            )
            for node in self.settings.nodes
        ]

    def _scanners(self) -> list[Scanner]:
        return [
            Scanner(
                scanner,
                gateway=self.settings.gateway,
                intake=self.intake,
                state=self.state,
                rejects=self.rejects,
                time=self.time,
                random=self._random,
                poll_s=0.2,
            )
            for scanner in self.settings.scanners
        ]

    def _gps(self) -> list[Gps]:
        url = self.settings.gps
        if url is None:
            return []
        receiver: Receiver
        if url.startswith("gpsd://"):
            receiver = GpsdReceiver(url, poll_s=self.settings.poll_s, stopping=self.stopping)
        else:
            receiver = NmeaReceiver(
                url, poll_s=self.settings.poll_s, refuse=lambda field, why: self.rejects.add("gps", field, why)
            )
        pace = Pace(
            moving_period_s=self.settings.position_period_s,
            standing_period_s=self.settings.standing_period_s,
            fix_timeout_s=self.settings.fix_timeout_s,
        )
        return [
            Gps(
                receiver,
                pace,
                source=self.settings.gateway,
                intake=self.intake,
                state=self.state,
                rejects=self.rejects,
                time=self.time,
                random=self._random,
                poll_s=self.settings.poll_s,
            )
        ]

    def _vehicle(self) -> list[VehicleBus | Shunt]:
        settings = self.settings
        if settings.vehicle_can is None:
            return []
        profile = profiles.load(settings.vehicle_profile).corrected(settings.vehicle_corrections)
        if settings.vehicle_can.startswith("vedirect:"):
            return [
                Shunt(
                    settings.vehicle_can,
                    profile,
                    source=settings.gateway,
                    period_s=settings.vehicle_period_s,
                    intake=self.intake,
                    rejects=self.rejects,
                    time=self.time,
                    random=self._random,
                    poll_s=settings.poll_s,
                )
            ]
        return [
            VehicleBus(
                settings.vehicle_can,
                profile,
                source=settings.gateway,
                period_s=settings.vehicle_period_s,
                asks=settings.vehicle_asks,
                drives=lambda: self.state.driving,
                intake=self.intake,
                rejects=self.rejects,
                time=self.time,
                random=self._random,
                poll_s=settings.poll_s,
            )
        ]

    # ------------------------------------------------------------ what parts tell each other

    def _correct_times(self, step_s: float, quality: ClockQuality) -> None:
        moved = self.outbox.correct_times(step_s, quality)
        log.warning("event=times_corrected step_s=%.3f clock=%s events=%d", step_s, quality, moved)

    def _tell_step(self, step_s: float) -> None:
        log.warning("event=clock_stepped step_s=%.3f", step_s)
        self.rejects.add(self.settings.gateway, "clock", f"stepped {'forward' if step_s > 0 else 'back'}")

    def _tell_reject(self, event: Rejected) -> None:
        log.warning(
            "event=rejected origin=%s field=%s reason=%r count=%d",
            *(event.origin, event.field, event.reason, event.count),
        )
        self.intake.offer(event)

    def _look(self) -> None:
        before = self.outbox.depth
        while not self.stopping.wait(LOOK_S):
            self.time.check()
            before = self._tell_of_room(before)
            self.rejects.tick()

    def _tell_of_room(self, before: Depth) -> Depth:
        """Tells what a full outbox had to let go since `before`."""
        now = self.outbox.depth
        if now.thinned > before.thinned:
            log.warning("event=outbox_full thinned_telemetry=%d", now.thinned - before.thinned)
            reason = "full: the oldest was thinned, mean, lowest and highest kept"
            self.rejects.add("outbox", "telemetry", reason, count=now.thinned - before.thinned)
        if now.dropped > before.dropped:
            log.error("event=outbox_full dropped_telemetry=%d", now.dropped - before.dropped)
            self.rejects.add("outbox", "telemetry", "full: the oldest was dropped", count=now.dropped - before.dropped)
        return now

    # ------------------------------------------------------------ life

    def start(self) -> None:
        settings = self.settings
        log.info(
            "event=start gateway=%s role=%s boot=%d outbox=%s nodes=%d gps=%s vehicle=%s",
            *(settings.gateway, settings.role, self.outbox.boot, self.outbox.id, len(settings.nodes)),
            *(settings.gps or "none", settings.vehicle_can or "none"),
        )
        if self.outbox.set_aside is not None:
            reason = f"damaged, set aside as {self.outbox.set_aside.name}: a fresh one was begun"
            self.rejects.add("outbox", "file", reason)
        self._lookout.start()
        self.hub_link.start()
        for part in self._inputs:
            part.start()

    def stop(self) -> None:
        """Inputs first, then the line to the hub, the outbox last."""
        self.stopping.set()
        self.state.touch()
        for part in self._inputs:
            part.stop()
        self.hub_link.stop()
        self._lookout.join(timeout=5)
        try:
            self.outbox.close()
        except OutboxError as error:
            log.error("event=outbox_not_closed error=%r", str(error))
        log.info("event=stopped rss_mb=%s", resident_mb())


def run(file: Path) -> int:
    """Runs until SIGTERM or SIGINT. Exit code 0 after a clean stop, 1 when a part failed, 2 for faulty settings."""
    try:
        settings = load(file)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.start(settings.log_level)
    try:
        gateway = Gateway(settings, random=random.Random())
    except GatewayError as error:
        log.critical("event=cannot_start error=%r", str(error))
        return 1
    server = _Server(
        uvicorn.Config(
            gateway.page.app(),
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=2,
            server_header=False,
        ),
        gateway,
    )
    _end_together(gateway, server)
    gateway.start()
    try:
        if settings.http_cert_file is not None and settings.http_key_file is not None:
            server.config.load()
            server.config.ssl = tls.server_context(
                settings.http_cert_file, settings.http_key_file, client_ca_file=settings.http_client_ca_file
            )
        server.run(sockets=[_listen(settings)])
    except OSError as error:
        log.critical("event=cannot_listen host=%s port=%d error=%r", settings.http_host, settings.http_port, str(error))
        gateway.failed.set()
    finally:
        gateway.stop()
    return 1 if gateway.failed.is_set() else 0


def _listen(settings: Settings) -> socket.socket:
    """Raises `OSError`."""
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.http_host, settings.http_port))
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """uvicorn, but a signal also ends the streams to the pages, which would otherwise hold it up."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._gateway.stopping.set()
        super().handle_exit(sig, frame)


def _end_together(gateway: Gateway, server: uvicorn.Server) -> None:
    """A signal stops the server, and then all; a thread that fails does as well: systemd starts us anew."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        # before and after serving; uvicorn raises what it caught once more when it has ended
        gateway.stopping.set()
        server.should_exit = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)

    def on_failure(failure: threading.ExceptHookArgs) -> None:
        name = "" if failure.thread is None else failure.thread.name
        trace: TracebackType | None = failure.exc_traceback
        error = failure.exc_value or failure.exc_type()
        log.critical("event=thread_failed thread=%s error=%r", name, str(error), exc_info=(type(error), error, trace))
        gateway.failed.set()
        gateway.stopping.set()
        server.should_exit = True

    threading.excepthook = on_failure
