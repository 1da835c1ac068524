"""Provisioning itself: each act changes the register, and then every bundle that follows from it is written anew.

In: one folder (see the package), the time. Out: the register, the list of the revoked, a bundle a machine. An act that
is cut short can be repeated: bundles are always written whole from the register.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from edge_gateway.contract.sealing import new_key
from hub_backend.provisioning import bundles
from hub_backend.provisioning.authority import Authority
from hub_backend.provisioning.errors import ProvisionError
from hub_backend.provisioning.register import BROKER, HUB_BACKEND, USES, Machine, Register, checked


class Office:
    """One organisation's provisioning. `now` is the wall clock: certificates are about calendar days."""

    def __init__(self, folder: Path, authority: Authority, register: Register, *, now: datetime) -> None:
        self._folder = folder
        self._authority = authority
        self.register = register
        self._now = now

    @classmethod
    def found(
        cls,
        folder: Path,
        *,
        org: str,
        hubs: Sequence[str],
        broker_addresses: Sequence[str],
        broker_port: int,
        now: datetime,
        passphrase: bytes | None,
    ) -> Self:
        """A new organisation: its authority, its broker, its backend. Raises `ProvisionError`."""
        machines = {
            BROKER: Machine(kind="broker", addresses=tuple(broker_addresses)),
            HUB_BACKEND: Machine(kind="backend"),
        }
        register = checked(Register(org=org, hubs=tuple(hubs), broker_port=broker_port, machines=machines))
        authority = Authority.create(folder, org=org, now=now, passphrase=passphrase)
        office = cls(folder, authority, register, now=now)
        for name in (BROKER, HUB_BACKEND):
            office._give(name)
        office._settle()
        return office

    @classmethod
    def open(cls, folder: Path, *, now: datetime, passphrase: bytes | None) -> Self:
        """Raises `ProvisionError`."""
        return cls(folder, Authority.open(folder, passphrase=passphrase), Register.load(folder), now=now)

    def add(self, name: str, *, hub: str, role: str, addresses: Sequence[str]) -> None:
        """A new gateway, or one that was revoked and is trusted again. Raises `ProvisionError`."""
        if hub not in self.register.hubs:
            raise ProvisionError(f"hub: no {hub!r}; there are: {', '.join(self.register.hubs)}")
        if role not in ("van", "hub"):
            raise ProvisionError(f"role: {role!r} is neither van nor hub")
        self._new(
            name,
            Machine(
                kind="gateway",
                addresses=tuple(addresses) or (f"{name}.local",),
                hub=hub,
                role="van" if role == "van" else "hub",
                key=new_key(),
            ),
        )

    def add_tablet(self, name: str) -> None:
        """A tablet that may open gateways' pages. Raises `ProvisionError`."""
        self._new(name, Machine(kind="tablet"))

    def renew(self, names: Sequence[str], *, within: timedelta) -> list[str]:
        """New certificates for `names`, or for everyone whose own end within that time. The old ones go on until then.

        Returns who got new ones. Raises `ProvisionError`.
        """
        for name in names:
            if name not in self.register.machines:
                raise ProvisionError(f"name: no {name!r}; there are: {', '.join(sorted(self.register.machines))}")
        renewed = [
            name
            for name, machine in self.register.machines.items()
            if machine.revoked is None and (name in names or (not names and _ends_by(machine, self._now + within)))
        ]
        for name in renewed:
            self._give(name)
        self._settle()
        return renewed

    def rotate_key(self, name: str) -> None:
        """A new sealing key; the hub understands the previous one until `forget_key`. Raises `ProvisionError`."""
        machine = self.register.machine(name, "gateway")
        if machine.previous_key is not None:
            raise ProvisionError(f"{name}: is still moving to its newest key; `forget-key` first, when it has moved")
        machine.previous_key, machine.key = machine.key, new_key()
        self._settle()

    def forget_key(self, name: str) -> None:
        """The previous sealing key is no longer understood. Raises `ProvisionError`."""
        machine = self.register.machine(name, "gateway")
        if machine.previous_key is None:
            raise ProvisionError(f"{name}: has no previous key")
        machine.previous_key = None
        self._settle()

    def revoke(self, name: str, *, why: str) -> None:
        """Nobody listens to this gateway or tablet any more, nor to a copy of its files. Raises `ProvisionError`."""
        machine = self.register.machine(name, "gateway", "tablet")
        if machine.revoked is not None:
            raise ProvisionError(f"{name}: was revoked already, on {machine.revoked:%Y-%m-%d}")
        machine.revoked = self._now
        for grant in machine.grants:
            if grant.revoked is None:
                grant.revoked, grant.why = self._now, why
        machine.key = machine.previous_key = None
        self._settle()

    def _new(self, name: str, machine: Machine) -> None:
        known = self.register.machines.get(name)
        if known is not None and known.revoked is None:
            raise ProvisionError(f"name: {name!r} is there already; `renew` or `rotate-key` it, or revoke it first")
        machine.grants = [] if known is None else known.grants
        checked(self.register.with_machine(name, machine))
        self.register.machines[name] = machine
        self._give(name)
        self._settle()

    def _give(self, name: str) -> None:
        machine = self.register.machines[name]
        for use in USES[machine.kind]:
            issued = self._authority.issue(name, use=use, addresses=machine.addresses, now=self._now)
            bundles.write_certificate(self._folder / name, machine.kind, use, issued)
            machine.remember(issued, use, now=self._now)

    def _settle(self) -> None:
        self.register.save(self._folder)
        self._authority.revoke(self.register.revoked(), now=self._now)
        bundles.write_all(self._folder, self.register)


def _ends_by(machine: Machine, moment: datetime) -> bool:
    ends = machine.ends()
    return ends is not None and ends <= moment
