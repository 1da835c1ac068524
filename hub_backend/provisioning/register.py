"""Who was given what: `private/register.json`, the truth from which every bundle is written.

It holds the keys that seal the gateways' messages, so it lies beside the authority's key and is as secret.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge_gateway.contract.messages import Name
from hub_backend.provisioning.authority import Issued, Use
from hub_backend.provisioning.errors import ProvisionError
from hub_backend.provisioning.files import write

BROKER = "broker"
HUB_BACKEND = "hub.backend"
"""The name under which the hub's backend is known to the broker: its dot keeps it apart from every gateway's name."""
MachineName = Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,39}|hub\.backend)$")]
Kind = Literal["broker", "backend", "gateway", "tablet"]
USES: dict[Kind, tuple[Use, ...]] = {
    "broker": ("server",),
    "backend": ("client",),
    "gateway": ("client", "server"),  # of the broker, and to the tablet
    "tablet": ("client",),
}
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$")]


class Grant(Struct, kw_only=True):
    """A certificate that was issued. `serial` is hexadecimal; `revoked` is None while it may be used."""

    serial: str
    use: Use
    issued: datetime
    ends: datetime
    revoked: datetime | None = None
    why: str = ""


class Machine(Struct, kw_only=True):
    """A broker, the hub's backend, a gateway or a tablet. `addresses`: host names and IPs under which it answers."""

    kind: Kind
    addresses: tuple[Host, ...] = ()
    hub: Name | None = None
    role: Literal["van", "hub"] | None = None
    key: str | None = None
    previous_key: str | None = None
    """Still understood while a gateway is moving to `key`."""
    revoked: datetime | None = None
    grants: list[Grant] = msgspec.field(default_factory=list)

    def remember(self, issued: Issued, use: Use, *, now: datetime) -> None:
        self.grants.append(Grant(serial=issued.serial, use=use, issued=now, ends=issued.ends))

    def newest(self, use: Use) -> Grant | None:
        """The certificate that the machine's bundle holds."""
        mine = [grant for grant in self.grants if grant.use == use and grant.revoked is None]
        return max(mine, key=lambda grant: grant.issued, default=None)

    def ends(self) -> datetime | None:
        """When the first of the certificates in use ends; None when there is none."""
        return min((grant.ends for use in USES[self.kind] if (grant := self.newest(use)) is not None), default=None)


class Register(Struct, kw_only=True):
    """All machines of one organisation, by name."""

    org: Name
    hubs: Annotated[tuple[Name, ...], Meta(min_length=1)]
    broker_port: Annotated[int, Meta(ge=1, le=65535)]
    machines: dict[MachineName, Machine] = msgspec.field(default_factory=dict)

    @property
    def broker(self) -> Machine:
        return self.machines[BROKER]

    def gateways(self) -> dict[str, Machine]:
        """The gateways that may speak."""
        return {
            name: machine
            for name, machine in sorted(self.machines.items())
            if machine.kind == "gateway" and machine.revoked is None
        }

    def machine(self, name: str, *kinds: Kind) -> Machine:
        """Raises `ProvisionError` when there is none of these kinds."""
        machine = self.machines.get(name)
        if machine is None or machine.kind not in kinds:
            known = [each for each, one in sorted(self.machines.items()) if one.kind in kinds and one.revoked is None]
            raise ProvisionError(f"name: no {' or '.join(kinds)} {name!r}; there are: {', '.join(known) or 'none yet'}")
        return machine

    def with_machine(self, name: str, machine: Machine) -> "Register":
        return msgspec.structs.replace(self, machines={**self.machines, name: machine})

    def revoked(self) -> list[tuple[str, datetime]]:
        """Serial and since when, of every certificate that was taken back."""
        return [
            (grant.serial, grant.revoked)
            for machine in self.machines.values()
            for grant in machine.grants
            if grant.revoked is not None
        ]

    def save(self, folder: Path) -> None:
        text = msgspec.json.format(msgspec.json.encode(self), indent=1)
        write(_file(folder), text, secret=True)

    @classmethod
    def load(cls, folder: Path) -> "Register":
        """Raises `ProvisionError`."""
        try:
            return msgspec.json.decode(_file(folder).read_bytes(), type=cls)
        except OSError as error:
            raise ProvisionError(f"{folder}: no register here ({error.strerror}); run `provision init`") from error
        except msgspec.MsgspecError as error:
            raise ProvisionError(f"{_file(folder)}: damaged ({error}); take it from the backup") from error


def checked(register: Register) -> Register:
    """The same, when all of its fields are in their ranges. Raises `ProvisionError` naming the field."""
    try:
        msgspec.json.decode(msgspec.json.encode(register), type=Register)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        field = "name" if "`key`" in path else path.strip("`").removeprefix("$.")
        raise ProvisionError(f"{field}: {reason}") from error
    return register


def _file(folder: Path) -> Path:
    return folder / "private" / "register.json"
