"""What was learned of the streets, kept with a map: `speeds-YYYY-MM-DD.json`, the newest counts.

Comes in: learned factors with their error before and after. Goes out: factors for the roads. Nothing of it tells a
place or a van: factors by class of road and hour.
"""

import json
from dataclasses import asdict
from pathlib import Path

from routing.learned_speeds import UNKNOWN, Learned, SpeedFactors
from routing.places import MapError

PATTERN = "speeds-????-??-??.json"
FORMAT = 1
LEAST, MOST = 0.2, 5.0
"""A factor outside is no traffic but a mistake."""


def save(learned: Learned, map_dir: Path, day: str) -> Path:
    """Write the factors learned up to `day` (YYYY-MM-DD); whole or not at all."""
    path = map_dir / f"speeds-{day}.json"
    half = map_dir / f".{path.name}.half"
    half.write_text(json.dumps({"format": FORMAT, "day": day, **asdict(learned)}, indent=1) + "\n", encoding="utf-8")
    half.replace(path)
    return path


def newest(map_dir: Path) -> Path | None:
    """The newest file of a map, None where nothing was learned."""
    return max(map_dir.glob(PATTERN), key=lambda path: path.name, default=None)


def load(path: Path | None) -> SpeedFactors:
    """The factors of a file; `UNKNOWN` for None.

    Raises:
        MapError: not readable, or a factor that cannot be; the message names the file and the factor.
    """
    if path is None:
        return UNKNOWN
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        if text["format"] != FORMAT:
            raise MapError(f"{path}: format {text['format']} instead of {FORMAT}; learn again")
        factors = text["factors"]
        of_class = {str(name): _factor(path, name, value) for name, value in factors["of_class"].items()}
        of_hour = {
            str(name): {int(hour): _factor(path, f"{name} at {hour}", value) for hour, value in hours.items()}
            for name, hours in factors["of_hour"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MapError(f"{path}: no readable speeds: {type(error).__name__}: {error}") from error
    return SpeedFactors(of_class, of_hour)


def _factor(path: Path, name: str, value: object) -> float:
    if isinstance(value, int | float) and LEAST <= value <= MOST:
        return float(value)
    raise MapError(f"{path}: {name}: a factor of {value!r}, outside {LEAST} to {MOST}")
