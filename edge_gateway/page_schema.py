"""The page's API as an OpenAPI 3.1 document, from which the front end generates its types."""

from typing import Any

import msgspec

from edge_gateway.page_messages import (
    Health,
    PageRecord,
    PageState,
    Problem,
    RecordsAnswer,
    ScanAnswer,
    ScanRequest,
)

REF = "#/components/schemas/{name}"
REQUESTS = {"TourRecord", "VisitRecord", "ScanRequest"}


def _json(schema: object) -> dict[str, object]:
    return {"application/json": {"schema": schema}}


def _answer(schema: object, description: str) -> dict[str, object]:
    return {"description": description, "content": _json(schema)}


def openapi() -> dict[str, object]:
    """Every path and message of the page's API."""
    types: list[Any] = [Health, PageState, list[PageRecord], RecordsAnswer, ScanRequest, ScanAnswer, Problem]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    health, state, records, stored, scan, scanned, problem = schemas
    for name, component in components.items():
        if name not in REQUESTS and "properties" in component:  # an answer always has all its fields
            component["required"] = list(component["properties"])
    refused = _answer(problem, "Refused, with the field and the reason")
    return {
        "openapi": "3.1.0",
        "info": {"title": "buurtrit gateway", "version": "1", "description": "What the concierge's page uses."},
        "paths": {
            "/api/health": {"get": {"operationId": "health", "responses": {"200": _answer(health, "Health")}}},
            "/api/state": {"get": {"operationId": "state", "responses": {"200": _answer(state, "All of it")}}},
            "/api/live": {
                "get": {
                    "operationId": "live",
                    "responses": {
                        "200": {
                            "description": "Server-sent events: `state` with a PageState on every change; heartbeat",
                            "content": {"text/event-stream": {"schema": state}},
                        }
                    },
                }
            },
            "/api/records": {
                "post": {
                    "operationId": "records",
                    "requestBody": {"required": True, "content": _json(records)},
                    "responses": {
                        "200": _answer(stored, "Stored for good, or refused, each by its id"),
                        "422": refused,
                        "503": refused,
                    },
                }
            },
            "/api/scans": {
                "post": {
                    "operationId": "scans",
                    "requestBody": {"required": True, "content": _json(scan)},
                    "responses": {"200": _answer(scanned, "The answer"), "422": refused, "503": refused},
                }
            },
        },
        "components": {"schemas": components},
    }
