"""Everything around the handlers: problems, request ids, logs, health, the description, and garbage."""

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
import structlog
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from media.storage import StorageUnavailable
from models.training import TrainStatus, move
from tests.people import ANA, init_data, proof, started
from tests.web.conftest import Client, Serve
from web import openapi
from web.routes import ROUTES

# --- problems ---


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/training/", 404, "not_found"),
        ("GET", "/training/start", 405, "method_not_allowed"),
        ("PUT", "/healthz", 405, "method_not_allowed"),
    ],
)
async def test_no_such_route(client: Client, method: str, path: str, status: int, code: str) -> None:
    answer = await client.request(method, path)
    problem = await answer.json()
    assert answer.content_type == "application/problem+json"
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"] == problem["error"] == problem["message"]
    assert ("Allow" in answer.headers) == (status == 405)


def breaking(error: Exception) -> Any:
    async def handler(_: web.Request) -> web.Response:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("the secret is 42"), 500, "internal_error"),
        (asyncpg.CannotConnectNowError(), 503, "database_unavailable"),
        (ConnectionRefusedError("secret"), 503, "unavailable"),
        (TimeoutError("secret"), 503, "unavailable"),
        (StorageUnavailable("s3://secret"), 503, "storage_unavailable"),
    ],
)
async def test_nothing_leaks(serve: Serve, error: Exception, status: int, code: str) -> None:
    client = await serve(telegram_webhook=breaking(error))
    with capture_logs() as logs:
        answer = await client.post("/telegram/webhook")
    assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert "secret" not in await answer.text()
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert any(line.get("exc_info") for line in logs) == (code in {"internal_error", "unavailable"})


async def test_a_socket_error_of_the_database_is_told_as_such(serve: Serve, tmp_path: Path) -> None:
    with socket.socket() as silent:  # connections are taken, and nobody answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]

        async def waits(_: web.Request) -> web.Response:
            await asyncpg.connect(host="127.0.0.1", port=port, user="x", timeout=0.05)
            return web.Response()

        async def finds_no_socket(_: web.Request) -> web.Response:
            await asyncpg.connect(host=str(tmp_path), user="x")
            return web.Response()

        for handler in (waits, finds_no_socket):
            client = await serve(telegram_webhook=handler)
            answer = await client.post("/telegram/webhook")
            assert (answer.status, (await answer.json())["code"]) == (503, "database_unavailable")


async def test_a_database_that_is_gone(serve: Serve, db: Any, cast: None) -> None:
    """A pool whose connections were cut: the first use fails, and the service recovers by itself."""
    client = await serve()
    await db.execute_query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE 'LISTEN%'"
    )
    seen = []
    for _ in range(20):
        answer = await client.get("/training", headers=proof(ANA))
        seen.append((answer.status, (await answer.json()).get("code")))
    assert set(seen) <= {(200, None), (503, "database_unavailable")}
    assert seen[-1] == (200, None)


# --- ids and logs ---


@pytest.mark.parametrize("given_id", ["abc-123", "A" * 64])
async def test_the_proxys_request_id_is_kept(client: Client, given_id: str) -> None:
    answer = await client.get("/healthz", headers={"X-Request-ID": given_id})
    assert answer.headers["X-Request-ID"] == given_id


@pytest.mark.parametrize("given_id", ["", "a b", "a" * 65, "ü", '{"x":1}'])
async def test_any_other_is_replaced(client: Client, given_id: str) -> None:
    answer = await client.get("/healthz", headers={"X-Request-ID": given_id})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


async def test_a_request_is_one_line_without_secrets(client: Client, cast: None) -> None:
    raw = init_data(ANA)
    with capture_logs() as logs:
        await client.get("/training?cursor=secret", headers={"Authorization": f"tma {raw}"})
    (line,) = [entry for entry in logs if entry["event"] == "request"]
    assert (line["method"], line["route"], line["status"], line["code"]) == (
        "GET",
        "/training",
        422,
        "invalid",
    )
    assert line["ms"] >= 0
    assert "secret" not in str(logs)
    assert raw not in str(logs)


async def test_a_refusal_is_logged_with_whose_it_is(client: Client, cast: None) -> None:
    with capture_logs() as logs:
        await client.post("/account/invoice", headers=proof(ANA), json={"pack": 7})
    (line,) = [entry for entry in logs if entry["event"] == "request"]
    assert (line["code"], line["user_id"]) == ("pack_gone", ANA.id)


@pytest.mark.parametrize("what", ["status", "events", "cancel"])
async def test_a_trainings_requests_log_its_id(client: Client, cast: None, what: str) -> None:
    """And no other request on the same connection does."""
    training = await started()
    if what == "events":
        await move(training.id, TrainStatus.COMPLETED, files=("https://f/w", None))
    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        for any_id in (training.lora_id, training.id):
            method = "POST" if what == "cancel" else "GET"
            answer = await client.request(method, f"/training/{any_id}/{what}", headers=proof(ANA))
            assert (answer.status, bool(await answer.read())) == (200, True)
            await client.get("/healthz")
    lines = [entry for entry in logs if entry["event"] == "request"]
    assert [line.get("training_id") for line in lines] == [str(training.id), None] * 2
    assert len({line["request_id"] for line in lines}) == 4


# --- health ---


async def test_health(serve: Serve) -> None:
    async def good() -> None: ...

    async def says_no() -> bool:
        return False

    client = await serve(checks={"database": good})
    assert await (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.head("/healthz")).status == 200
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (200, {"status": "ready", "checks": {"database": "ok"}})
    client = await serve(checks={"database": good, "jobs": says_no, "webhook": breaking(OSError())})
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert (await answer.json())["checks"] == {"database": "ok", "jobs": "failing", "webhook": "failing"}


# --- the description ---


def test_the_description_describes_every_route_and_nothing_else() -> None:
    document = openapi.document(ROUTES)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.template) for route in ROUTES}
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
        assert all(response["description"] for response in operation["responses"].values())


def test_every_reference_leads_somewhere() -> None:
    document = openapi.document(ROUTES)
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= document["components"]["schemas"].keys()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_the_seeds_names_stay() -> None:
    schemas = openapi.document(ROUTES)["components"]["schemas"]
    assert {"steps", "is_style", "create_masks", "trigger_word", "images_data_url"} <= schemas[
        "TrainingStart"
    ]["properties"].keys()
    assert schemas["TrainingStarted"]["properties"].keys() == {"id", "trainingId"}
    assert {"status", "metadata", "error", "completedAt"} == schemas["TrainingStatus"]["properties"].keys()
    assert "images_data_url" in schemas["Upload"]["properties"]


async def test_the_description_is_served(client: Client) -> None:
    answer = await client.get("/openapi.json")
    assert await answer.json() == json.loads(json.dumps(openapi.document(ROUTES)))


async def test_every_route_is_there_and_wants_a_proof(client: Client) -> None:
    for route in ROUTES:
        path = route.template.replace("{id}", "00000000-0000-0000-0000-000000000000").replace("{path}", "")
        answer = await client.request(route.method, path, allow_redirects=False)
        assert answer.status not in {405, 500}
        assert (answer.status == 401) == (bool(route.proofs) or "fal" in path), path


# --- garbage ---

NASTY = [b"", b"\x00", b"\xff\xfe\xfd", b"{", b"null", b"[" * 20_000, b'"\\ud800"', b"--\r\n", b"9" * 5000]
HEADERS = [
    {},
    {"Content-Type": "application/json"},
    {"Content-Type": "multipart/form-data; boundary=--"},
    {"Content-Type": "multipart/form-data; boundary=\xff"},
    {"Content-Type": "multipart/mixed; boundary=x"},
    {"Content-Type": ";;;="},
    {"Content-Type": "application/json; charset=no-such"},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "no-such"},
    {"Idempotency-Key": "\xff"},
    {"Range": "bytes=9-1"},
    {"If-Modified-Since": "\xff"},
    {"Cookie": "\xff=\xff"},
    {"X-Request-ID": "\xff"},
    {"Accept": "\xff"},
    {"Expect": "nonsense"},
]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_garbage_never_breaks_a_route(client: Client, cast: None, route: openapi.Route) -> None:
    for path_part in ("00000000-0000-0000-0000-000000000000", "%00", "%ff%fe", quote("\u202e'\";--")):
        path = route.template.replace("{id}", path_part).replace("{path}", path_part)
        for number, body in enumerate(NASTY):
            headers = HEADERS[number % len(HEADERS)] | HEADERS[-1 - number]
            answer = await client.request(
                route.method, path, data=body, headers={**proof(ANA), **headers}, allow_redirects=False
            )
            assert answer.status < 500, (path, body[:20], headers, await answer.text())
    for headers in HEADERS:
        answer = await client.request(
            route.method, path, data=b"{}", headers={**proof(ANA), **headers}, allow_redirects=False
        )
        assert answer.status < 500, (headers, await answer.text())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
start_bodies = st.dictionaries(
    st.sampled_from(
        ["steps", "is_style", "create_masks", "trigger_word", "images_data_url", "trainer", "name", "x"]
    ),
    json_values,
)


async def test_any_json_to_start_is_a_4xx_or_a_training(client: Client, cast: None) -> None:
    loop = asyncio.get_running_loop()

    @given(change=start_bodies)
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def check(change: dict[str, Any]) -> None:
        body = {"trigger_word": "TOK", "images_data_url": "https://example.com/a.zip", **change}
        statuses.append(asyncio.run_coroutine_threadsafe(post(client, json.dumps(body)), loop).result(10))
        assert statuses[-1] in {200, 402, 422}

    statuses: list[int] = []
    await asyncio.to_thread(check)
    assert 422 in statuses


async def post(client: Client, body: str) -> int:
    return (await client.post("/training/start", data=body, headers=proof(ANA))).status
