"""`buurtrit gateway salvage FILE`: events of an outbox that was set aside, as JSON lines or back into the outbox."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_gateway.contract.messages import encode
from edge_gateway.errors import GatewayError
from edge_gateway.outbox import Outbox
from edge_gateway.outbox.salvage import salvage
from edge_gateway.settings import load

TOGETHER = 500
"""Events a commit."""


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, 1 when a file or the outbox could not be opened, 2 for faulty settings or no file."""
    parser = argparse.ArgumentParser(prog="buurtrit gateway salvage", description=__doc__)
    parser.add_argument("file", type=Path, help="as the log named it: outbox.sqlite.damaged-1")
    parser.add_argument(
        "--into",
        type=Path,
        metavar="CONFIG",
        help="settings of the gateway, which must not run now: into its outbox instead of to standard output",
    )
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.error(f"{options.file}: no such file")
    try:
        events = salvage(options.file)
        if options.into is None:
            for event in events:
                sys.stdout.write(encode(event).decode() + "\n")
            sys.stderr.write(f"{len(events)} events read\n")
            return 0
        settings = load(options.into)
        outbox = Outbox(
            Path(settings.data_dir) / "outbox.sqlite",
            source=settings.gateway,
            now_s=lambda: max((event.t_s for event in events), default=0.0),
            commit_s=settings.telemetry_commit_s,
            max_bytes=int(settings.outbox_max_mb * 1e6),
        )
        try:
            new = sum(outbox.take_back(events[at : at + TOGETHER]) for at in range(0, len(events), TOGETHER))
        finally:
            outbox.close()
    except (OSError, GatewayError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"{len(events)} events read, {new} of them kept for the hub; it knows those that it has\n")
    return 0
