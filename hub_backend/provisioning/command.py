"""`buurtrit provision`: the project's own authority, and a bundle for each machine that may speak.

    init      a new organisation: authority, broker, hub
    gateway   a van or a hub of it
    tablet    a tablet that may open a gateway's page
    renew     fresh certificates, for everyone whose own end soon or for those named
    rotate-key, forget-key
              a new key for what a gateway seals; and the end of the one before
    revoke    nobody listens to a machine any more
    status    who has what, and until when

Every act ends with the bundles to copy. Exit codes: 0 done, 1 `status` found what ends soon, 2 refused.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub_backend.errors import HubError
from hub_backend.provisioning.errors import ProvisionError
from hub_backend.provisioning.office import Office
from hub_backend.provisioning.register import Register

SOON_DAYS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one act and returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.act == "status":
            return _status(options)
        _act(options)
    except HubError as error:
        print(f"buurtrit provision: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="buurtrit provision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")

    init = acts.add_parser("init", help="a new organisation: authority, broker, hub")
    init.add_argument("--org", required=True, help="the organisation's name on topics: a-z, 0-9 and -")
    init.add_argument("--hubs", required=True, help="the hubs' names, with commas between them")
    init.add_argument(
        "--broker", required=True, help="host name or IP of the broker, as vans reach it; more of them with commas"
    )
    init.add_argument("--port", type=int, default=8883, help="the broker's TLS port (default 8883)")

    gateway = acts.add_parser("gateway", help="a van, or a hub's own gateway")
    gateway.add_argument("name", help="as on its topics: a-z, 0-9 and -")
    gateway.add_argument("--hub", required=True, help="the hub it belongs to")
    gateway.add_argument("--role", required=True, choices=["van", "hub"])
    gateway.add_argument("--address", action="append", default=[], help="host name or IP of its page (NAME.local)")

    tablet = acts.add_parser("tablet", help="a tablet that may open a gateway's page")
    tablet.add_argument("name")

    renew = acts.add_parser("renew", help="fresh certificates")
    renew.add_argument("names", nargs="*", help="machines; all whose certificates end within --days without any")
    renew.add_argument("--days", type=int, default=SOON_DAYS, help=f"how soon (default {SOON_DAYS})")

    for act, words in (
        ("rotate-key", "a new sealing key; the previous one is understood until forget-key"),
        ("forget-key", "the previous sealing key is understood no longer"),
    ):
        acts.add_parser(act, help=words).add_argument("name")

    revoke = acts.add_parser("revoke", help="nobody listens to this machine any more")
    revoke.add_argument("name")
    revoke.add_argument("--why", required=True, help="for the register: lost, stolen, sold")

    status = acts.add_parser("status", help="who has what, and until when; exit code 1 when something ends soon")
    status.add_argument("--days", type=int, default=SOON_DAYS, help=f"what soon means (default {SOON_DAYS})")
    status.add_argument("--json", action="store_true", help="as JSON")

    for each in acts.choices.values():
        each.add_argument("--dir", type=Path, default=Path("provision"), help="the folder (default ./provision)")
        if each.prog.rpartition(" ")[2] != "status":
            each.add_argument("--passphrase-file", type=Path, help="file with the passphrase of the authority's key")
    return parser


def _act(options: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    passphrase = _passphrase(options.passphrase_file)
    if options.act == "init":
        Office.found(
            options.dir,
            org=options.org,
            hubs=options.hubs.split(","),
            broker_addresses=options.broker.split(","),
            broker_port=options.port,
            now=now,
            passphrase=passphrase,
        )
        _say(options.dir, "authority made; keep the folder private/ off every other machine, and back it up")
        return
    office = Office.open(options.dir, now=now, passphrase=passphrase)
    match options.act:
        case "gateway":
            office.add(options.name, hub=options.hub, role=options.role, addresses=options.address)
            _say(options.dir, f"{options.name} may speak", options.name, "hub.backend", "broker")
        case "tablet":
            office.add_tablet(options.name)
            _say(
                options.dir,
                f"{options.name}: import {options.dir / options.name}/tablet.p12 there; password.txt opens it",
            )
        case "renew":
            renewed = office.renew(options.names, within=timedelta(days=options.days))
            _say(options.dir, f"renewed: {', '.join(renewed) or 'nobody, all go on for longer'}", *renewed)
        case "rotate-key":
            office.rotate_key(options.name)
            words = f"{options.name} has a new key; first the hub, then the gateway; then forget-key"
            _say(options.dir, words, "hub.backend", options.name)
        case "forget-key":
            office.forget_key(options.name)
            _say(options.dir, f"{options.name} has one key again", "hub.backend", options.name)
        case "revoke":
            office.revoke(options.name, why=options.why)
            everyone = [name for name in office.register.gateways()]
            _say(options.dir, f"{options.name} is trusted no longer", "broker", "hub.backend", *everyone)


def _say(folder: Path, words: str, *bundles: str) -> None:
    print(words)
    for name in bundles:
        print(f"  copy {folder / name} to its machine and run: sudo sh install.sh")


def _status(options: argparse.Namespace) -> int:
    register = Register.load(options.dir)
    soon = datetime.now(UTC) + timedelta(days=options.days)
    rows = [
        {
            "name": name,
            "kind": machine.kind,
            "hub": machine.hub,
            "ends": None if (ends := machine.ends()) is None else ends.isoformat(timespec="seconds"),
            "soon": ends is not None and ends <= soon,
            "changing_key": machine.previous_key is not None,
            "revoked": None if machine.revoked is None else machine.revoked.isoformat(timespec="seconds"),
        }
        for name, machine in sorted(register.machines.items())
    ]
    if options.json:
        print(json.dumps({"org": register.org, "machines": rows}, indent=1))
    else:
        for row in rows:
            fate = f"revoked {row['revoked']}" if row["revoked"] else f"until {row['ends']}"
            notes = [
                word for word, holds in (("ENDS SOON", row["soon"]), ("changing its key", row["changing_key"])) if holds
            ]
            print(f"{row['name']:<24}{row['kind']:<10}{fate}  {', '.join(notes)}".rstrip())
    return 1 if any(row["soon"] for row in rows) else 0


def _passphrase(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        words = file.read_bytes().strip()
    except OSError as error:
        raise ProvisionError(f"--passphrase-file: {error}") from error
    if len(words) < 12:
        raise ProvisionError("--passphrase-file: a passphrase has at least 12 characters")
    return words


if __name__ == "__main__":
    sys.exit(main())
