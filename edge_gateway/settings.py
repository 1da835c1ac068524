"""The gateway's settings: a TOML file in, one frozen value out, or all its faults at once."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge_gateway import vehicle_profile as profiles
from edge_gateway.contract import known_secrets, tls
from edge_gateway.contract.messages import Name
from edge_gateway.contract.sealing import Seal
from edge_gateway.contract.topics import Address
from edge_gateway.errors import SettingsError

Port = Annotated[int, Meta(ge=1, le=65535)]
PeriodS = Annotated[float, Meta(gt=0, le=86400)]
Text = Annotated[str, Meta(min_length=1)]
NodeKind = Literal["cooler", "scanner", "shunt"]


class NodeSettings(Struct, frozen=True, kw_only=True):
    """A node and the serial port it hangs on; `baud` is 115200 unless its firmware says otherwise."""

    name: Name
    port: Text
    kind: NodeKind
    baud: Annotated[int, Meta(ge=1200, le=3_000_000)] = 115200


class ScannerSettings(Struct, frozen=True, kw_only=True):
    """A hand scanner on the gateway itself: `serial:DEVICE`, or `hid:DEVICE` for one that types like a keyboard."""

    name: Name
    device: Annotated[str, Meta(pattern=r"^(serial|hid):/.+$")]


class Settings(Struct, frozen=True, kw_only=True):
    """Periods `*_period_s` and `fix_timeout_s` are of the world, the others of the machine."""

    org: Name
    hub: Name
    gateway: Name
    role: Literal["van", "hub"]
    key: Text
    mqtt_host: Text
    mqtt_port: Port
    http_port: Port
    data_dir: Text
    http_host: Text = "127.0.0.1"
    mqtt_username: str | None = None
    mqtt_password: str | None = None
    mqtt_ca_file: str | None = None
    """The authority that the broker's certificate must come from: makes the connection TLS."""
    mqtt_cert_file: str | None = None
    mqtt_key_file: str | None = None
    http_cert_file: str | None = None
    """A certificate makes the page HTTPS, without which a tablet keeps nothing while the van is out of its reach."""
    http_key_file: str | None = None
    http_client_ca_file: str | None = None
    """Only a tablet with a certificate from this authority gets the page."""
    previous_key: Text | None = None
    """While the sealing key is being changed: what the hub sealed with the one before is still understood."""
    clock_page: str | None = None
    gps: str | None = None
    fix_timeout_s: PeriodS = 5.0
    position_period_s: PeriodS = 5.0
    standing_period_s: PeriodS = 30.0
    vehicle_can: str | None = None
    vehicle_profile: Name = "psa-ecmp"
    vehicle_asks: bool = False
    """Without it the van's bus is only listened to."""
    vehicle_corrections: dict[profiles.Field, profiles.Correction] = {}
    """Per field: whose formula counts (`by`), and `scale` and `sign` from calibration."""
    vehicle_period_s: PeriodS = 10.0
    telemetry_commit_s: Annotated[float, Meta(ge=0.01, le=60)] = 1.0
    telemetry_per_s: Annotated[float, Meta(ge=1, le=100_000)] = 500.0
    """How much telemetry goes up in a machine second at most, as after an outage; business has no limit."""
    committed_timeout_s: Annotated[float, Meta(ge=0.1, le=600)] = 5.0
    node_silence_s: Annotated[float, Meta(ge=0.2, le=3600)] = 30.0
    """A node that says nothing for so long (machine time) is asked for a HELLO, and is offline when none comes."""
    outbox_max_mb: Annotated[float, Meta(ge=0.01, le=100_000)] = 1000.0
    """The outbox's file, in 10^6 bytes; a tenth of it telemetry never takes."""
    outbox_ballast_mb: Annotated[float, Meta(ge=0, le=1000)] = 8.0
    """Room on the disk that is held for business, and given up when the disk is full."""
    page_dir: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    nodes: tuple[NodeSettings, ...] = ()
    scanners: tuple[ScannerSettings, ...] = ()

    @property
    def address(self) -> Address:
        return Address(self.org, self.hub, self.gateway)

    @property
    def poll_s(self) -> float:
        """How often a loop looks at the world's clock: more often when that is simulated and may run fast.

        A hundred times as fast as the world's, 30 ms are three seconds; with 10 ms two thirds of a gateway's work is
        looking.
        """
        return 0.2 if self.clock_page is None else 0.03


LISTS = ("nodes", "scanners")
Listed = TypeVar("Listed", NodeSettings, ScannerSettings)


def load(file: Path) -> Settings:
    """The settings in `file` and in the file that its `identity_file` names, seen from its folder.

    Raises `SettingsError`, naming every fault.
    """
    table = _read(file)
    identity = table.pop("identity_file", None)
    if identity is None:
        return of_table(table, origin=str(file))
    if not isinstance(identity, str):
        raise SettingsError(str(file), ["identity_file: must be text"])
    given = _read(file.parent / identity)
    doubles = [f"{name}: also in {identity}, which buurtrit provision writes" for name in table if name in given]
    if doubles:
        raise SettingsError(str(file), doubles)
    return of_table({**given, **table}, origin=f"{file} and {identity}")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(str(file), [f"file: {error}"]) from error


def of_table(table: dict[str, Any], *, origin: str = "settings") -> Settings:
    """Raises `SettingsError`, naming every fault."""
    values, faults = _convert(Settings, {name: value for name, value in table.items() if name not in LISTS})
    nodes = _tables(NodeSettings, "nodes", table, faults)
    scanners = _tables(ScannerSettings, "scanners", table, faults)
    faults += _meaning(values)
    faults += _doubles("nodes", "name", [node.name for node in nodes])
    faults += _doubles("nodes", "port", [node.port for node in nodes])
    faults += _doubles("scanners", "device", [scanner.device for scanner in scanners])
    names = {node.name: None for node in nodes}
    faults += _doubles("scanners", "name", [*names, *(scanner.name for scanner in scanners)])
    if faults:
        raise SettingsError(origin, list(dict.fromkeys(faults)))
    return Settings(**values, nodes=tuple(nodes), scanners=tuple(scanners))


def _tables(kind: type[Listed], name: str, table: dict[str, Any], faults: list[str]) -> list[Listed]:
    """The entries `[[name]]` that are in order; what is wrong with the others goes to `faults`."""
    found: list[Listed] = []
    listed = table.get(name, [])
    if not isinstance(listed, list):
        faults.append(f"{name}: must be tables [[{name}]]")
        return found
    for index, entry in enumerate(listed):
        if not isinstance(entry, dict):
            faults.append(f"{name}[{index}]: must be a table")
            continue
        fields, wrong = _convert(kind, entry)
        faults += [f"{name}[{index}].{fault}" for fault in wrong]
        if not wrong:
            found.append(kind(**fields))
    return found


def _convert(kind: type[Struct], table: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    faults = [f"{name}: no such setting" for name in table if name not in fields]
    for name, field in fields.items():
        if name not in table:
            if field.required:
                faults.append(f"{name}: missing")
            continue
        try:
            values[name] = msgspec.convert(table[name], field.type)
        except msgspec.ValidationError as error:
            faults.append(f"{name}: {str(error).partition(' - at')[0]}")
    return values, faults


def _meaning(values: dict[str, Any]) -> list[str]:
    faults = []
    for name in ("key", "previous_key"):
        if values.get(name) is not None:
            try:
                Seal(values[name])
            except ValueError as error:
                faults.append(f"{name}: {error}")
    gps = values.get("gps")
    if gps is not None and not gps.startswith(("gpsd://", "nmea:")):
        faults.append(f"gps: {gps!r} is neither gpsd://HOST:PORT nor nmea:DEVICE")
    elif gps is not None and gps.startswith("gpsd://") and not gps.rpartition(":")[2].isdecimal():
        faults.append(f"gps: {gps!r} has no port, as in gpsd://127.0.0.1:2947")
    faults += _vehicle(values)
    page = values.get("clock_page")
    if page is not None and not Path(page).is_file():
        faults.append(f"clock_page: no file {page}")
    return faults + _line_to_broker(values) + _line_to_tablet(values)


def _line_to_broker(values: dict[str, Any]) -> list[str]:
    faults = tls.file_faults("mqtt", {part: values.get(f"mqtt_{part}_file") for part in ("ca", "cert", "key")})
    if values.get("mqtt_password") is not None and values.get("mqtt_username") is None:
        faults.append("mqtt_username: missing beside mqtt_password")
    if known_secrets.is_known(values.get("mqtt_password") or "", user=values.get("mqtt_username")):
        faults.append("mqtt_password: is one that everybody knows; make another at the broker")
    host = values.get("mqtt_host")
    if host is not None and not tls.is_loopback(host) and values.get("mqtt_ca_file") is None:
        faults.append(f"mqtt_ca_file: missing; the line to {host} would be open to whoever listens")
    return faults


def _line_to_tablet(values: dict[str, Any]) -> list[str]:
    files = {name: values.get(name) for name in ("http_cert_file", "http_key_file", "http_client_ca_file")}
    given = {name: file for name, file in files.items() if file is not None}
    faults = [f"{name}: no file {file}" for name, file in given.items() if not Path(file).is_file()]
    if not tls.is_loopback(values.get("http_host", "127.0.0.1")):
        faults += [
            f"{name}: missing; the page beyond this machine shows the day's addresses to whoever asks"
            for name, file in files.items()
            if file is None
        ]
    elif (files["http_cert_file"] is None) != (files["http_key_file"] is None):
        absent = "http_cert_file" if files["http_cert_file"] is None else "http_key_file"
        faults.append(f"{absent}: missing beside its other half")
    return faults


def _vehicle(values: dict[str, Any]) -> list[str]:
    can = values.get("vehicle_can")
    name = values.get("vehicle_profile", "psa-ecmp")
    if name not in profiles.names():
        return [f"vehicle_profile: no {name!r}; there are {', '.join(profiles.names())}", *_adapter(can)]
    faults = _adapter(can)
    profile = profiles.load(name)
    try:
        profile.corrected(values.get("vehicle_corrections", {}))
    except ValueError as error:
        faults.append(f"vehicle_corrections.{error}")
    if can is None or faults:
        return faults
    if can.startswith("vedirect:") is not bool(profile.texts):
        faults.append(f"vehicle_can: {can!r} and the profile {name} do not belong together")
    elif not profile.signals and not profile.texts and not values.get("vehicle_asks"):
        faults.append(f"vehicle_asks: the profile {name} must ask, listening alone tells it nothing")
    return faults


def _adapter(can: str | None) -> list[str]:
    if can is None or can.startswith(("slcan:", "socketcan:", "vedirect:")):
        return []
    return [f"vehicle_can: {can!r} is neither slcan:DEVICE nor socketcan:INTERFACE nor vedirect:DEVICE"]


def _doubles(listed: str, field: str, values: list[str]) -> list[str]:
    """The values that two entries share, though each must have its own."""
    return [f"{listed}: two with the {field} {value!r}" for value in dict.fromkeys(values) if values.count(value) > 1]
