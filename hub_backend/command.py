"""The command `buurtrit`: finds its subcommands among the entry points `buurtrit.commands` and runs one.

A subcommand is loaded only when it is called: a gateway has this command without the hub's dependencies.
"""

import sys
from importlib.metadata import EntryPoint, entry_points, version

GROUP = "buurtrit.commands"
PURPOSES = {
    "demo": "one working day in a made-up neighbourhood, with real processes",
    "gateway": "the program in a van or a hub",
    "hub": "the backend: record, plans and screens",
    "provision": "certificates and keys: who may speak",
    "learn": "learn from the vans' own tracks how long the streets really take",
    "map": "import an OpenStreetMap extract, or make a neighbourhood",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs `buurtrit SUBCOMMAND …` and returns its exit code: 2 for a command that cannot be meant."""
    words = sys.argv[1:] if arguments is None else arguments
    commands = {command.name: command for command in entry_points(group=GROUP)}
    match words:
        case ["--version"]:
            print(f"buurtrit {version('buurtrit')}")
            return 0
        case [] | ["-h" | "--help"]:
            print(_help(commands))
            return 0 if words else 2
        case [name, *rest] if name in commands:
            return _run(commands[name], rest)
        case _:
            print(f"buurtrit: no subcommand {words[0]!r}\n{_help(commands)}", file=sys.stderr)
            return 2


def _run(command: EntryPoint, arguments: list[str]) -> int:
    try:
        run = command.load()
    except ModuleNotFoundError as error:
        print(
            f"buurtrit {command.name}: the package {error.name!r} is not installed; "
            f"install buurtrit with the extra that this command needs (gateway, hub or demo)",
            file=sys.stderr,
        )
        return 2
    return int(run(arguments) or 0)


def _help(commands: dict[str, EntryPoint]) -> str:
    lines = [f"  {name:<10}{PURPOSES.get(name, '')}" for name in sorted(commands)]
    return "\n".join(["usage: buurtrit SUBCOMMAND [--help]", "", *lines])
