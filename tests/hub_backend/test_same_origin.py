"""What another site's page would have the planner's browser send is refused; the hub's own pages are not."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from hub_backend.same_origin import SameOrigin

OURS, ANOTHERS = "https://hub.example", "https://evil.example"


def answered(method: str, headers: dict[str, str]) -> int:
    async def done(_request: Request) -> Response:
        await asyncio.sleep(0)
        return PlainTextResponse("done")

    web = SameOrigin(Starlette(routes=[Route("/", done, methods=["GET", "POST", "DELETE"])]))
    return TestClient(web, base_url=OURS).request(method, "/", headers=headers).status_code


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 200),  # a program
        ("POST", {"Origin": OURS}, 200),
        ("POST", {"Origin": ANOTHERS}, 403),
        ("DELETE", {"Origin": "null"}, 403),
        ("POST", {"Origin": OURS, "Sec-Fetch-Site": "same-origin", "Host": "127.0.0.1:8800"}, 200),  # behind a proxy
        ("POST", {"Sec-Fetch-Site": "none"}, 200),  # by hand
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Origin": "https://other.hub.example", "Sec-Fetch-Site": "same-site"}, 403),
        ("GET", {"Origin": ANOTHERS, "Sec-Fetch-Site": "cross-site"}, 200),  # whose page cannot read the answer
    ],
)
def test_only_our_own_pages_and_programs_may_write(method: str, headers: dict[str, str], status: int) -> None:
    assert answered(method, headers) == status
