import asyncio
import logging
import os
from pathlib import Path

import fal_client.client as fal
import httpx
import pytest

from tests.sandbox_fal.twin import Twin, running

DATA = os.urandom(300_000)


async def _read(twin: Twin, url: str) -> tuple[int, bytes]:
    async with twin.http.get(url, headers={"Authorization": ""}) as response:  # URLs are public
        return response.status, await response.read()


async def test_an_upload_can_be_read_by_whoever_has_its_url(twin: Twin) -> None:
    url = await twin.client.upload(DATA, "application/zip", "my photos (1).zip")
    assert url.startswith(f"{twin.url}/cdn/files/")
    assert url.endswith("my-photos-1-.zip")
    async with twin.http.get(url) as response:
        assert response.status == 200
        assert response.content_type == "application/zip"
        assert response.content_length == len(DATA)
        assert await response.read() == DATA
    async with twin.http.head(url) as response:
        assert response.content_length == len(DATA)
    assert await _read(twin, url) == (200, DATA)
    assert (await _read(twin, f"{url}x"))[0] == 404


async def test_two_uploads_of_one_name_are_two_files(twin: Twin) -> None:
    urls = {await twin.client.upload(DATA, "application/zip", "photos.zip") for _ in range(2)}
    assert len(urls) == 2


async def test_a_file_ends_when_its_lifecycle_says(twin: Twin, caplog: pytest.LogCaptureFixture) -> None:
    async def uploaded(expires_in: fal.ObjectExpiration) -> str:
        return await twin.client.upload(
            DATA, "text/plain", "a.txt", lifecycle=fal.StorageSettings(expires_in=expires_in)
        )

    short, long, kept = [await uploaded(expires_in) for expires_in in (1, "1h", "never")]
    twin.emulator.fault("upload", "answer", status=500)
    with caplog.at_level(logging.ERROR, "fal_client"):
        other = await uploaded(1)
    assert twin.calls("put") == 1
    assert [(await _read(twin, url))[0] for url in (short, other, long, kept)] == [200] * 4
    await asyncio.sleep(1.02)
    assert [(await _read(twin, url))[0] for url in (short, other, long, kept)] == [404, 404, 200, 200]


async def test_an_upload_needs_a_token_of_ours(twin: Twin) -> None:
    for authorization in ("", "Bearer made-up", "Key ana:secret"):
        headers = {"Authorization": authorization}
        async with twin.http.post(f"{twin.url}/cdn/files/upload", data=DATA, headers=headers) as response:
            assert response.status == 401


async def test_a_large_file_goes_up_in_parts(
    twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fal, "MULTIPART_THRESHOLD", 100_000)  # settings of fal's client, not its behaviour
    monkeypatch.setattr(fal, "MULTIPART_CHUNK_SIZE", 70_000)
    path = tmp_path / "photos.zip"
    path.write_bytes(DATA)
    url = await twin.client.upload_file(path, lifecycle=fal.StorageSettings(expires_in="1h"))
    assert twin.calls("multipart_part") == 5
    assert twin.calls("multipart_complete") == 1
    assert await _read(twin, url) == (200, DATA)
    async with twin.http.get(url) as response:
        assert response.content_type == "application/zip"


async def test_parts_must_be_the_ones_that_were_uploaded(twin: Twin) -> None:
    token = await (await twin.client._token_manager).get_token()
    headers = {"Authorization": f"{token.token_type} {token.token}"}
    start = f"{token.base_upload_url}/files/upload/multipart"
    async with twin.http.post(start, headers=headers) as response:
        upload = await response.json()
    parts = f"{upload['access_url']}/multipart/{upload['uploadId']}"
    async with twin.http.post(f"{parts}/complete", json={"parts": []}, headers=headers) as response:
        assert response.status == 400
    etags = []
    for number, data in ((2, b"world"), (1, b"hello ")):
        async with twin.http.put(f"{parts}/{number}", data=data, headers=headers) as response:
            etags.append({"partNumber": number, "etag": response.headers["ETag"]})
    wrong = [
        [],
        etags[:1],
        [etags[0], {**etags[1], "etag": "x"}],
        [*etags, {"partNumber": 3, "etag": "x"}],
        5,
    ]
    for claimed in wrong:
        async with twin.http.post(f"{parts}/complete", json={"parts": claimed}, headers=headers) as response:
            assert response.status == 400
    assert (await _read(twin, upload["access_url"]))[0] == 404
    async with twin.http.post(f"{parts}/complete", json={"parts": etags}, headers=headers) as response:
        assert response.status == 200
    assert await _read(twin, upload["access_url"]) == (200, b"hello world")
    async with twin.http.put(f"{parts}/3", data=b"!", headers=headers) as response:
        assert response.status == 404


async def test_the_other_storage_takes_over_when_the_cdn_fails(
    twin: Twin, caplog: pytest.LogCaptureFixture
) -> None:
    twin.emulator.fault("token", "answer", status=500)
    with caplog.at_level(logging.ERROR, "fal_client"):
        url = await twin.client.upload(DATA, "application/zip", "photos.zip")
    assert (twin.calls("upload"), twin.calls("initiate"), twin.calls("put")) == (0, 1, 1)
    assert await _read(twin, url) == (200, DATA)


async def test_a_signed_url_is_needed_to_put(twin: Twin) -> None:
    async with twin.http.put(f"{twin.url}/cdn/signed/guess", data=DATA) as response:
        assert response.status == 403
    async with twin.http.post(f"{twin.url}/rest/storage/upload/initiate", json=[]) as response:
        assert response.status == 400


@pytest.mark.parametrize("operation", ["token", "upload"])
async def test_a_storage_that_fails_altogether(twin: Twin, operation: str) -> None:
    twin.emulator.fault(operation, "answer", status=503)
    twin.emulator.fault("initiate", "drop")
    with pytest.raises(httpx.TransportError):
        await twin.client.upload(DATA, "application/zip")


async def test_nothing_is_left_behind() -> None:
    async with running() as twin:
        await twin.client.upload(DATA, "application/zip")
        root = twin.emulator._storage.root
        assert root.stat().st_mode & 0o077 == 0
        assert len(list(root.iterdir())) == 1
    assert not root.exists()
