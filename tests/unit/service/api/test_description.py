"""The API describes itself completely, and its examples are true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from service.api.app import create_app
from service.application import Application
from service.contracts.alert import Alert, AlertCount, AlertDay, AlertPatch, AlertReviewsSpec
from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec
from service.contracts.guidance import GuidanceAudit, GuidanceOut, GuidancePatch, GuidanceSpec, TaughtOut
from service.contracts.score import ScoreMessage, ScorePoint
from service.contracts.stream import StreamOut, StreamPatch, StreamSpec
from service.settings import Settings

METHODS = {"get", "post", "patch", "delete"}
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    application = Application(Settings(data_dir=tmp_path_factory.mktemp("data")))
    yield create_app(application).openapi()
    application.close()


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def validator(schema: dict[str, Any], part: dict[str, Any]) -> Draft202012Validator:
    resource = DRAFT202012.create_resource(schema)
    registry: Registry[Any] = Registry().with_resource("urn:api", resource)

    def rooted(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: f"urn:api{value}" if key == "$ref" and str(value).startswith("#") else rooted(value)
                for key, value in node.items()
            }
        return [rooted(each) for each in node] if isinstance(node, list) else node

    return Draft202012Validator(rooted(part), registry=registry)


def test_it_has_the_paths_of_the_design(schema: dict[str, Any]) -> None:
    assert set(operations(schema)) == {
        *("POST /streams", "GET /streams", "POST /streams/{stream_id}/retry"),
        *("GET /streams/{stream_id}", "PATCH /streams/{stream_id}", "DELETE /streams/{stream_id}"),
        *(f"{method} /streams/{{stream_id}}/enrolment" for method in ("POST", "GET", "DELETE")),
        *("POST /streams/{stream_id}/guidance", "GET /streams/{stream_id}/guidance"),
        *(f"{method} /streams/{{stream_id}}/guidance/{{rule_id}}" for method in ("GET", "PATCH", "DELETE")),
        *("POST /streams/{stream_id}/guidance/preview", "GET /streams/{stream_id}/guidance/audit"),
        *("POST /streams/{stream_id}/guidance/{rule_id}/undo", "GET /streams/{stream_id}/taught"),
        *("GET /streams/{stream_id}/snapshot.jpg", "GET /streams/{stream_id}/live.mjpg"),
        *("POST /streams/{stream_id}/enrolment/preview", "PATCH /streams/{stream_id}/enrolment/moments/{moment_id}"),
        "GET /streams/{stream_id}/enrolment/moments/{moment_id}.jpg",
        *("GET /streams/{stream_id}/scores", "GET /scores"),
        *("GET /alerts/count", "GET /alerts/days", "POST /alerts/reviews"),
        *("GET /alerts", "GET /alerts/{alert_id}", "PATCH /alerts/{alert_id}", "GET /alerts/{alert_id}/snapshot.jpg"),
        *("GET /packs", "GET /packs/{name}", "GET /healthz", "GET /readyz", "GET /metrics", "GET /version"),
    }


def test_it_is_openapi_31(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    for key in ("title", "version", "summary", "description", "license"):
        assert schema["info"][key]
    assert all(tag["description"] for tag in schema["tags"])


def test_every_operation_reads_well(schema: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in schema["tags"]}
    names = [operation["operationId"] for operation in operations(schema).values()]
    assert len(set(names)) == len(names)
    for where, operation in operations(schema).items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"]), where
        assert 5 <= len(operation["summary"]) <= 60, where
        assert len(operation["description"]) > 10, where
        assert len(operation["tags"]) == 1, where
        assert set(operation["tags"]) <= tags, where
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (where, parameter["name"])


def test_every_operation_documents_problems_and_nothing_else_as_errors(schema: dict[str, Any]) -> None:
    for where, operation in operations(schema).items():
        errors = {status: each for status, each in operation["responses"].items() if int(status) >= 400}
        assert "500" in errors, where
        assert "unknown_parameter" in errors["422"]["content"][PROBLEM]["examples"], where
        if where.split()[0] in ("POST", "PATCH", "DELETE"):
            assert "403" in errors, where
        for status, response in errors.items():
            assert set(response["content"]) == {PROBLEM}, (where, status)
            media = response["content"][PROBLEM]
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
            for example in media["examples"].values():
                validator(schema, media["schema"]).validate(example["value"])
                assert str(example["value"]["status"]) == status, where
        assert [status for status in operation["responses"] if int(status) < 400], where


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(node, list):
            for each in node:
                yield from references(each)

    for reference in set(references(schema)):
        node: Any = schema
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_every_schema_is_valid_and_described(schema: dict[str, Any]) -> None:
    for name, part in schema["components"]["schemas"].items():
        Draft202012Validator.check_schema(part)
        assert part.get("description"), name


def test_every_example_in_the_schemas_fits_its_schema(schema: dict[str, Any]) -> None:
    found = 0
    for name, part in schema["components"]["schemas"].items():
        for example in part.get("examples", []):
            errors = list(validator(schema, {"$ref": f"#/components/schemas/{name}"}).iter_errors(example))
            assert errors == [], name
            found += 1
    assert found >= 12


@pytest.mark.parametrize(
    "model",
    [
        *(StreamSpec, StreamPatch, StreamOut, EnrolmentSpec, EnrolmentOut, ScoreMessage, Alert, AlertPatch),
        *(AlertReviewsSpec, AlertCount, AlertDay, ScorePoint),
        *(GuidanceSpec, GuidancePatch, GuidanceOut, GuidanceAudit, TaughtOut),
    ],
)
def test_every_example_passes_its_model_and_is_complete(model: Any) -> None:
    examples = model.model_config["json_schema_extra"]["examples"]
    for example in examples:
        parsed = model.model_validate(example)
        if model in (
            StreamOut,
            EnrolmentOut,
            ScoreMessage,
            Alert,
            AlertCount,
            AlertDay,
            ScorePoint,
            GuidanceOut,
            GuidanceAudit,
            TaughtOut,
        ):  # answers: what is shown is what is sent
            assert parsed.model_dump(mode="json") == example


def test_bodies_show_examples(schema: dict[str, Any]) -> None:
    for where, operation in operations(schema).items():
        if "requestBody" not in operation:
            continue
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        assert schema["components"]["schemas"][reference.rsplit("/", 1)[-1]]["examples"], where


def test_the_socket_protocol_is_described(schema: dict[str, Any]) -> None:
    description = schema["paths"]["/scores"]["get"]["description"]
    for word in ('{"dropped": n}', "4410", "4404", "1008", "1013", "ScoreMessage"):
        assert word in description


async def test_the_description_is_served(tmp_path: Path, schema: dict[str, Any]) -> None:
    application = Application(Settings(data_dir=tmp_path))
    async with AsyncClient(transport=ASGITransport(create_app(application)), base_url="http://localhost") as client:
        assert (await client.get("/openapi.json")).json() == schema
    application.close()
