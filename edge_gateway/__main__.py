"""`buurtrit gateway --config FILE.toml`: the program in a van or a hub.

`buurtrit gateway salvage FILE` reads what can be read from an outbox that was set aside, see its own --help.
`buurtrit gateway schema` prints the description of its page's API, for the screens' types.

Exit codes: 0 stopped cleanly, 2 the settings cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a clean stop, 2 for faulty settings."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments[:1]) == ["schema"]:
        from edge_gateway.page_schema import openapi

        print(msgspec.json.format(msgspec.json.encode(openapi())).decode())
        return 0
    if list(arguments[:1]) == ["salvage"]:
        from edge_gateway.salvage_command import main as salvage

        return salvage(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="buurtrit gateway", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="settings file (TOML)")
    options = parser.parse_args(arguments)
    from edge_gateway.app import run

    return run(options.config)


if __name__ == "__main__":
    sys.exit(main())
