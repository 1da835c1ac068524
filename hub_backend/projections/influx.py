"""The series in InfluxDB 2, through influxdb-client: synchronous batches, each point with its event's own time.

Measurement `reading`, tag `source`, one float field a value, microseconds. Not written where the value is not known:
Influx has no null. A rewrite overwrites. Reading needs Flux, deleting the v2 API: both are tested here only against a
server that speaks the shape of those requests, never against a real InfluxDB 2 (none can be installed from Debian or
PyPI). Writing was also tried by hand on Debian's influxdb 1.6.7 behind a translation of its write address: 2,500
readings written twice are 2,500 points.
"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypedDict, cast

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from hub_backend.errors import HubError
from hub_backend.projections.follower import AwayError
from hub_backend.projections.series import Point, Series
from hub_backend.settings import Settings

MEASUREMENT = "reading"
TIMEOUT_MS = 10_000
PRECISION = cast(WritePrecision, WritePrecision.US)  # the client's enumeration is plain text
REFUSED = (400, 413, 422)  # these points will never be taken; any other failure may pass


class RefusedPointsError(HubError):
    """InfluxDB refuses these points, now and later."""


class InfluxSeries(Series):
    """Points in one bucket."""

    def __init__(self, settings: Settings) -> None:
        self._bucket, self._org = settings.influx_bucket, settings.influx_org
        self._client = InfluxDBClient(
            url=settings.influx_url,
            token=settings.influx_token.get_secret_value(),
            org=settings.influx_org,
            timeout=TIMEOUT_MS,
        )
        self._write = self._client.write_api(write_options=SYNCHRONOUS)

    def send(self, points: Iterable[Point]) -> None:
        """Raises `AwayError` or `RefusedPointsError`."""
        lines = _lines(points)
        if not lines:
            return
        with _errors():
            self._write.write(bucket=self._bucket, org=self._org, record=lines, write_precision=PRECISION)

    def drop(self) -> None:
        with _errors():
            self._client.delete_api().delete(
                datetime(1970, 1, 1, tzinfo=UTC),
                datetime(2200, 1, 1, tzinfo=UTC),
                f'_measurement="{MEASUREMENT}"',
                bucket=self._bucket,
                org=self._org,
            )

    def read(self, source: str, fields: Sequence[str], *, from_s: float, to_s: float) -> list[Point]:
        chosen = " or ".join(f'r._field == "{field}"' for field in fields)
        flux = (
            f'from(bucket: "{self._bucket}")'
            f" |> range(start: {_moment(from_s)}, stop: {_moment(to_s + 1e-6)})"
            f' |> filter(fn: (r) => r._measurement == "{MEASUREMENT}" and r.source == "{source}" and ({chosen}))'
        )
        with _errors():
            records = list(self._client.query_api().query_stream(flux, org=self._org))
        points = [
            Point(source, values["_field"], round(values["_time"].timestamp(), 6), float(values["_value"]))
            for values in (record.values for record in records)
        ]
        return sorted(points, key=lambda point: (point.t_s, point.field))


class Line(TypedDict):
    """A line of InfluxDB's protocol, as its client takes it."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float]
    time: int


def _lines(points: Iterable[Point]) -> list[Line]:
    """One line for each source and time, with all fields that are known."""
    lines: dict[tuple[str, float], Line] = {}
    for point in points:
        if point.value is not None:
            line = lines.setdefault((point.source, point.t_s), _line(point))
            line["fields"][point.field] = float(point.value)
    return list(lines.values())


def _line(point: Point) -> Line:
    return Line(measurement=MEASUREMENT, tags={"source": point.source}, fields={}, time=round(point.t_s * 1e6))


def _moment(t_s: float) -> str:
    return datetime.fromtimestamp(t_s, UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def _errors() -> Generator[None]:
    try:
        yield
    except ApiException as error:
        if error.status in REFUSED:
            raise RefusedPointsError(f"influx: {error.status} {error.reason}") from error
        raise AwayError(f"influx: {error.status} {error.reason}") from error
    except (HTTPError, OSError) as error:
        raise AwayError(f"influx: {error}") from error
