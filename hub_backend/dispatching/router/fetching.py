"""HTTP for the router's process: one request, one answer, within a time."""

import http.client
import urllib.error
import urllib.request

LARGEST = 32 * 1024 * 1024


class Fetching:
    """Asks with a timeout of `timeout_s` machine seconds for each step; nothing is asked twice, no proxy is used."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, url: str, body: bytes | None) -> tuple[int, bytes]:
        """Status and body, whatever the status. Raises `OSError` where there is no answer."""
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return int(answer.status), answer.read(LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(LARGEST)
        except http.client.HTTPException as error:
            raise OSError(f"no HTTP: {error!r}") from error
