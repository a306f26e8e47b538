"""What passes through nginx, how, and what it says where Selfi doesn't answer."""

import asyncio
import io
import json
import re
import socket
import ssl
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.webhook import PATH, SECRET_HEADER
from models.training import TrainStatus, move
from tests.bot.chats import Chat
from tests.deploy.conftest import Selfi
from tests.deploy.nginx import Nginx, free_port, installed
from tests.people import started
from web.app import MINIAPP_BUILD

# --- through to Selfi ---


async def test_events_arrive_one_by_one(selfi: Selfi) -> None:
    training = await started()
    async with selfi.http.get(f"/training/{training.id}/events", headers=selfi.ana) as stream:
        assert (stream.status, stream.content_type) == (200, "text/event-stream")
        async with asyncio.timeout(3):  # the stream itself would go on for as long as the training does
            assert (await event(stream))["status"] == "PENDING"
            await move(training.id, TrainStatus.TRAINING, request_id="r", progress=40)
            assert (await event(stream))["metadata"]["progress"] == 40


async def event(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    text = (await stream.content.readuntil(b"\n\n")).decode()
    data: dict[str, Any] = json.loads(text.split("data: ")[1])
    return data


async def test_telegram_delivers_and_the_bot_answers(selfi: Selfi) -> None:
    answer = await Chat(selfi.telegram, "Ana").say("/balance")
    assert "stars" in answer["text"]
    assert (await selfi.nginx.logged(path=PATH))["status"] == 200


async def test_an_update_with_a_wrong_secret_is_refused_by_selfi(selfi: Selfi) -> None:
    for headers in ({}, {SECRET_HEADER: "wrong"}):
        async with selfi.http.post(PATH, json={"update_id": 1}, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (401, "webhook_secret_wrong")


async def test_a_webhooks_body_arrives_byte_for_byte(selfi: Selfi) -> None:
    """fal signs the hash of the raw body."""
    training = await started()
    body = (
        json.dumps({"request_id": "r", "status": "ERROR", "error": "é ", "payload": None}).encode() + b" \n"
    )
    path = selfi.settings.fal_webhook("training", training.id)
    headers = selfi.fal._signer.headers("r", body)
    async with selfi.http.post(path, data=body, headers=headers) as answer:
        assert answer.status == 200
    async with selfi.http.post(path, data=body.strip(), headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "signature_invalid")


async def test_selfis_own_errors_pass_through(selfi: Selfi) -> None:
    async with selfi.http.get("/training") as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "identity_missing")
        assert answer.headers["WWW-Authenticate"] == "tma"
    async with selfi.http.get(f"/training/{uuid.uuid4()}/status", headers=selfi.ana) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "training_not_found")


async def test_the_request_id_is_the_clients_own_or_a_new_one(selfi: Selfi) -> None:
    async with selfi.http.get("/healthz", headers={"X-Request-ID": "from-the-app.1"}) as answer:
        assert answer.headers["X-Request-ID"] == "from-the-app.1"
    for headers in ({}, {"X-Request-ID": 'no"sane{id}'}):
        async with selfi.http.get("/healthz", headers=headers) as answer:
            given = answer.headers["X-Request-ID"]
            assert re.fullmatch("[0-9a-f]{32}", given)
            assert (await selfi.nginx.logged(request_id=given))["status"] == 200


async def test_the_log_holds_no_secret(selfi: Selfi) -> None:
    headers = {**selfi.ana, "x-telegram-init-data": "hash=in-a-header", "X-Request-ID": "looked-for"}
    async with selfi.http.get("/training?tgWebAppData=in-the-query", headers=headers) as answer:
        assert answer.status in {200, 401, 422}
    entry = await selfi.nginx.logged(request_id="looked-for")
    assert (entry["method"], entry["path"]) == ("GET", "/training")
    assert entry["upstream"] == str(answer.status)
    for secret in ("in-the-query", "in-a-header", "tma ", "hash="):
        assert secret not in selfi.nginx.logs


@pytest.mark.parametrize(
    ("accepted", "encoding", "ending"), [("gzip, br", "br", ".br"), ("gzip", "gzip", ".gz"), ("", None, "")]
)
async def test_the_mini_app_comes_as_selfi_compressed_it(
    selfi: Selfi, accepted: str, encoding: str | None, ending: str
) -> None:
    headers = {"Accept-Encoding": accepted}
    async with aiohttp.ClientSession(selfi.nginx.url, headers=headers, auto_decompress=False) as http:
        async with http.get("/app/") as answer:
            assert (answer.status, answer.headers.get("Content-Encoding")) == (200, encoding)
            assert await answer.read() == (MINIAPP_BUILD / f"index.html{ending}").read_bytes()
            assert answer.headers.getall("Vary") == ["Accept-Encoding"]
            assert answer.headers["Cache-Control"] == "no-cache"
            assert "Content-Security-Policy" in answer.headers
        async with http.get("/app/", headers={"If-None-Match": answer.headers["ETag"]}) as answer:
            assert answer.status == 304


async def test_answers_of_the_api_are_not_compressed(selfi: Selfi) -> None:
    async with selfi.http.get("/openapi.json", headers={"Accept-Encoding": "gzip"}) as answer:
        assert (answer.status, answer.headers.get("Content-Encoding")) == (200, None)


async def test_nginx_tells_no_version(selfi: Selfi) -> None:
    async with selfi.http.get("/healthz") as answer:
        assert answer.headers["Server"] == "nginx"


# --- where Selfi doesn't answer ---


def proxy(program: str, folder: Path, upstream: int, **changes: str) -> Nginx:
    return installed(
        program, folder / "nginx", "nginx-plain.conf", port=free_port(), upstream=upstream, changes=changes
    )


def check_problem(answer: aiohttp.ClientResponse, problem: dict[str, Any], status: int, code: str) -> None:
    assert answer.content_type == "application/problem+json"
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"] == problem["error"] == problem["message"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]


async def test_selfi_is_down(nginx_program: str, tmp_path: Path) -> None:
    nginx = proxy(nginx_program, tmp_path, upstream=free_port())
    async with nginx.running(), aiohttp.ClientSession(nginx.url) as http:
        for path in ("/training", "/training/start", "/training/upload", "/app/data.html"):
            async with http.post(
                path, json={}, headers={"X-Request-ID": path[1:].replace("/", "-")}
            ) as answer:
                check_problem(answer, await answer.json(content_type=None), 502, "bad_gateway")
                assert int(answer.headers["Retry-After"]) > 0
                entry = await nginx.logged(path=path)
                assert (entry["status"], entry["request_id"]) == (502, answer.headers["X-Request-ID"])


async def test_the_proof_in_fals_webhook_is_not_logged_when_selfi_is_down(
    nginx_program: str, tmp_path: Path
) -> None:
    """nginx's error_log has a form of its own, with the whole address."""
    nginx = proxy(nginx_program, tmp_path, upstream=free_port())
    async with nginx.running(), aiohttp.ClientSession(nginx.url) as http:
        for path, body in (
            ("/webhooks/fal/training/1", b""),
            ("/webhooks/fal/training/2", bytes(12 * 1024**2)),
        ):
            async with http.post(f"{path}?proof=secret", data=io.BytesIO(body)) as answer:
                assert answer.status in {413, 502}
            await nginx.logged(path=path)
    assert "secret" not in nginx.logs


async def test_selfi_is_slow(nginx_program: str, tmp_path: Path) -> None:
    with socket.socket() as silent:  # the kernel takes the connection, and nobody ever answers it
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        changes = {"proxy_read_timeout 75s;": "proxy_read_timeout 100ms;"}
        nginx = proxy(nginx_program, tmp_path, silent.getsockname()[1], **changes)
        async with nginx.running(), aiohttp.ClientSession(nginx.url) as http, http.get("/training") as answer:
            check_problem(answer, await answer.json(content_type=None), 504, "gateway_timeout")
            assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        ("GET / HTTP/1.1", 400, "bad_request"),  # no Host
        ("NONSENSE", 400, "bad_request"),
        (f"GET / HTTP/1.1\r\nHost: a\r\nX-Long: {'a' * 40_000}", 400, "bad_request"),
        (f"GET /{'a' * 40_000} HTTP/1.1\r\nHost: a", 414, "uri_too_long"),
        ("TRACE / HTTP/1.1\r\nHost: a", 405, "method_not_allowed"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zip", 501, "not_implemented"),
        ("GET / HTTP/9.1\r\nHost: a", 505, "http_version_not_supported"),
        ("GET /selfi-problem HTTP/1.1\r\nHost: a", 404, "not_found"),
    ],
    ids=["no host", "nonsense", "long header", "long address", "trace", "encoding", "version", "internal"],
)
async def test_what_nginx_refuses_itself(
    nginx_program: str, tmp_path: Path, request_line: str, status: int, code: str
) -> None:
    nginx = proxy(nginx_program, tmp_path, upstream=free_port())
    async with nginx.running():
        reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
        writer.write(f"{request_line}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    problem = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"] == problem["error"] == problem["message"]


# --- TLS ---


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate for localhost, named as certbot names its own."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


async def echo(request: web.Request) -> web.Response:
    return web.json_response(dict(request.headers))


async def test_the_tls_site(nginx_program: str, tmp_path: Path, certificate: Path) -> None:
    behind = web.Application()
    behind.router.add_get("/healthz", echo)
    port, tls_port = free_port(), free_port()
    changes = {
        "/etc/letsencrypt/live/selfi.example.org": str(certificate),
        "listen 443 ssl http2;": f"listen 127.0.0.1:{tls_port} ssl http2;",
        "    listen [::]:80;\n": "",  # not every machine has IPv6
        "    listen [::]:443 ssl http2;\n": "",
    }
    trusting = ssl.create_default_context(cafile=str(certificate / "fullchain.pem"))
    async with TestServer(behind) as server:
        upstream = server.port
        assert upstream
        nginx = installed(
            nginx_program, tmp_path / "nginx", "nginx.conf", port=port, upstream=upstream, changes=changes
        )
        code, said = await nginx.check()
        assert code == 0, said
        async with nginx.running(), aiohttp.ClientSession() as http:
            async with http.post(f"{nginx.url}/training/start?a=1", allow_redirects=False) as answer:
                assert answer.status == 308
                assert answer.headers["Location"] == "https://selfi.example.org/training/start?a=1"
            claims = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher"}
            url = f"https://localhost:{tls_port}/healthz"
            async with http.get(url, ssl=trusting, headers=claims) as answer:
                assert "max-age=" in answer.headers["Strict-Transport-Security"]
                seen = await answer.json()
            assert (seen["Host"], seen["X-Forwarded-For"]) == ("localhost", "127.0.0.1")
            assert seen["X-Forwarded-Proto"] == "https"
            trusting.set_alpn_protocols(["h2"])
            _, writer = await asyncio.open_connection("localhost", tls_port, ssl=trusting)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
            writer.transport.abort()
