"""The hub's settings: read from a TOML file and the environment, checked all at once."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edge_gateway.contract import known_secrets, tls
from edge_gateway.contract.sealing import Seal
from hub_backend.errors import HubError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
DOORS = ("mqtt_host", "mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file", "http_host")
INFLUX = ("influx_url", "influx_token", "influx_org", "influx_bucket")
Approval = Literal["automatic", "moves", "all"]
CoolerClass = Literal["chilled", "hot", "fridge", "ambient"]


class SettingsError(HubError):
    """Settings that cannot be used; the message has one line for each fault: the field and the reason."""


class GatewaySettings(BaseModel):
    """One gateway that may speak: its hub, what it sits in, and the key that seals its messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    hub: Name
    role: Literal["van", "hub"]
    key: SecretStr
    previous_key: SecretStr | None = None  # while the key is being changed

    @field_validator("key", "previous_key")
    @classmethod
    def _usable(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            Seal(key.get_secret_value())
        return key

    def seal(self) -> Seal:
        previous = None if self.previous_key is None else self.previous_key.get_secret_value()
        return Seal(self.key.get_secret_value(), previous_key=previous, follows=True)


class Settings(BaseSettings):
    """All settings. Times named `_s` are world seconds unless the comment says machine."""

    model_config = SettingsConfigDict(
        env_prefix="BUURTRIT_HUB_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )
    org: Name
    hubs: Annotated[tuple[Name, ...], Field(min_length=1)]
    gateways: dict[Name, GatewaySettings]  # here, or in the file `gateways_file` that `buurtrit provision` writes
    database_url: str = "sqlite:///buurtrit-hub.sqlite"
    mqtt_host: str = "127.0.0.1"
    mqtt_port: Port = 1883
    mqtt_ca_file: str | None = None  # the authority that the broker's certificate must come from: makes the line TLS
    mqtt_cert_file: str | None = None
    mqtt_key_file: str | None = None
    http_host: str = "127.0.0.1"
    http_port: Port = 8800
    clock_page: Path | None = None
    map_dir: Path | None = None
    road_server: Literal["own", "osrm", "valhalla"] = "own"  # who says how long ways take; our own roads stand behind
    road_server_url: str = ""
    road_server_timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0  # machine
    pages_dir: Path = Path(__file__).parent / "pages"
    timezone: str = "Europe/Amsterdam"
    coolers: dict[str, CoolerClass] = {}  # source of a cooler -> what it holds, where the role's default is wrong
    series: Literal["sql", "influx"] = "sql"
    influx_url: str = ""
    influx_token: SecretStr = SecretStr("")
    influx_org: str = ""
    influx_bucket: str = ""
    solve_morning_s: Annotated[float, Field(gt=0, le=600)] = 3.0  # machine
    solve_live_s: Annotated[float, Field(gt=0, le=60)] = 0.4  # machine
    solve_background_s: Annotated[float, Field(gt=0, le=120)] = 5.0  # machine
    solve_iterations: Annotated[int, Field(gt=0)] | None = None  # of each search, not its time: always the same plan
    background_every_s: Annotated[float, Field(ge=0, le=86400)] = 600.0  # machine; 0: the plan is never only bettered
    outside_c: Annotated[float, Field(ge=-40, le=50)] = 10.0  # what heating and range are reckoned with
    debounce_s: Annotated[float, Field(ge=0, le=3600)] = 20.0
    approval: Approval = "automatic"  # which plans wait for the planner: dispatching.approval
    future_s: Annotated[float, Field(ge=0, le=86400)] = 300.0  # an event further ahead counts from when it came
    poll_s: Annotated[float, Field(gt=0, le=5)] = 0.2  # machine: how often loops look at the world's clock

    @field_validator("database_url")
    @classmethod
    def _is_sql(cls, url: str) -> str:
        kind, separator, _ = url.partition("://")
        if not separator or kind.partition("+")[0] not in ("sqlite", "postgresql"):
            shown = kind if separator else "no address"
            raise ValueError(f"{shown}: the record lives in sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")
        parts = urlsplit(url)
        if parts.password is not None and known_secrets.is_known(parts.password, user=parts.username):
            raise ValueError("its password is one that everybody knows; give that user another, or none and a socket")
        return url

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no such time zone: {name!r}") from error
        return name

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        hubs = {name: gateway.hub for name, gateway in self.gateways.items()}
        influx = {name: getattr(self, name) for name in INFLUX}
        influx["influx_token"] = self.influx_token.get_secret_value()
        doors = {name: getattr(self, name) for name in DOORS}
        server = _server_faults(self.road_server, self.road_server_url)
        if faults := [
            *_hub_faults(hubs, self.hubs),
            *_series_faults(self.series, influx),
            *_door_faults(doors),
            *server,
        ]:
            raise ValueError("\n".join(faults))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @classmethod
    def load(cls, file: Path) -> Self:
        """The settings in `file`, overridden by BUURTRIT_HUB_… of the environment.

        `gateways_file`, seen from the folder of `file`, brings gateways beside those written there. Raises
        `SettingsError` with every fault at once; a relative database, map or page path stays relative to the working
        directory.
        """
        values = _read(file)
        provisioned = values.pop("gateways_file", None)
        if provisioned is not None:
            values["gateways"] = {**_read(file.parent / str(provisioned)), **values.get("gateways", {})}
        try:
            return cls(**values)
        except ValidationError as error:
            lines = dict.fromkeys([*_faults(error), *_between_fields(values)])
            raise SettingsError("\n  ".join([f"{file}:", *lines])) from error

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error


def _faults(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in fault["loc"])
        words = fault["msg"].removeprefix("Value error, ")
        lines += [f"{place}: {line}" if place else line for line in words.splitlines()]
    return lines


def _between_fields(values: Mapping[str, object]) -> list[str]:
    """The faults between fields, told beside those of single fields, which pydantic looks at first and alone."""
    gateways, hubs = values.get("gateways"), values.get("hubs")
    faults: list[str] = []
    if isinstance(gateways, dict) and isinstance(hubs, list):
        homes = {name: gateway.get("hub") for name, gateway in gateways.items() if isinstance(gateway, dict)}
        faults += _hub_faults(homes, hubs)
    return faults + _series_faults(values.get("series"), values) + _door_faults(values)


def _hub_faults(homes: Mapping[str, object], hubs: Sequence[object]) -> list[str]:
    return [f"gateways.{name}.hub: {home!r} is not among hubs" for name, home in homes.items() if home not in hubs]


def _series_faults(series: object, values: Mapping[str, object]) -> list[str]:
    if series != "influx":
        return []
    faults = [f"{name}: needed when series is influx" for name in INFLUX if not values.get(name)]
    if known_secrets.is_known(str(values.get("influx_token"))):
        faults.append("influx_token: is one that everybody knows; make another in InfluxDB")
    return faults


def _door_faults(values: Mapping[str, object]) -> list[str]:
    files = {part: values.get(f"mqtt_{part}_file") for part in ("ca", "cert", "key")}
    faults = tls.file_faults("mqtt", {part: None if file is None else str(file) for part, file in files.items()})
    mqtt_host, http_host = (str(values.get(name) or "127.0.0.1") for name in ("mqtt_host", "http_host"))
    if not tls.is_loopback(mqtt_host) and files["ca"] is None:
        faults.append(f"mqtt_ca_file: missing; the line to {mqtt_host} would be open to whoever listens")
    if not tls.is_loopback(http_host):
        faults.append(
            f"http_host: {http_host} is open to the network and the hub has no logins yet; listen on 127.0.0.1, "
            "behind a proxy that lets in only whom it knows"
        )
    return faults


def _server_faults(server: str, url: str) -> list[str]:
    if server == "own" or url.startswith(("http://", "https://")):
        return []
    return [f"road_server_url: {url!r} is no http address; needed when road_server is {server}"]
