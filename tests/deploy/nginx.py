"""The real nginx, run with the files of deploy/ as an operator would install them."""

import asyncio
import json
import os
import secrets
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
LOGS = "/var/log/nginx"

# What a distribution's own nginx.conf brings, made to run beside others and by anybody. It compresses all
# that it can, as operators may have it for their other sites.
_MAIN = """
{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log log/error.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    gzip on;
    gzip_types *;
    include conf.d/*.conf;
}}
"""


@dataclass(frozen=True)
class Nginx:
    """nginx's own folder, laid out as /etc/nginx, and the port of its plain site."""

    program: str
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> str:
        """Both logs of nginx, as they are."""
        return self._access_log + (self.folder / "log" / "error.log").read_text()

    @property
    def _access_log(self) -> str:
        return (self.folder / "log" / "selfi.access.log").read_text()

    async def logged(self, **fields: str) -> dict[str, Any]:
        """The first line of the access log with these fields; it comes when nginx is done with a request."""
        async with asyncio.timeout(10):
            while True:
                for line in self._access_log.splitlines():
                    entry: dict[str, Any] = json.loads(line)
                    if entry | fields == entry:
                        return entry
                await asyncio.sleep(0.01)

    async def check(self) -> tuple[int, str]:
        """What `nginx -t` says."""
        process = await self._start("-t")
        _, said = await process.communicate()
        return process.returncode or 0, said.decode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Nginx"]:
        process = await self._start()
        try:
            await self._until_listening(process)
            yield self
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()

    async def _start(self, *arguments: str) -> Process:
        return await asyncio.create_subprocess_exec(
            self.program, "-e", "stderr", "-p", self.folder, "-c", self.folder / "nginx.conf", *arguments,
            stderr=PIPE,
        )  # fmt: skip

    async def _until_listening(self, process: Process) -> None:
        """It writes its process id when it has all its ports (and `nginx -t` an empty one)."""
        written = self.folder / "nginx.pid"
        async with asyncio.timeout(10):
            while process.returncode is None:
                if written.exists() and written.read_text().strip() == str(process.pid):
                    return
                await asyncio.sleep(0.01)
        _, said = await process.communicate()
        raise AssertionError(f"nginx did not start: {said.decode()}")


def installed(
    program: str,
    folder: Path,
    site: str,
    *,
    port: int,
    upstream: int,
    changes: Mapping[str, str] | None = None,
) -> Nginx:
    """Lays deploy/'s files out in `folder`; `changes` are made to them, and each has to be possible."""
    for part in ("conf.d", "selfi", "log"):
        (folder / part).mkdir(parents=True)
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(user=user))
    files = {path: f"selfi/{path.name}" for path in (DEPLOY / "nginx").glob("*.conf")}
    files[DEPLOY / site] = "conf.d/selfi.conf"
    pending = {
        "127.0.0.1:3001": f"127.0.0.1:{upstream}",
        "listen 80;": f"listen 127.0.0.1:{port};",
        LOGS: str(folder / "log"),
        **(changes or {}),
    }
    unused = set(pending)
    for source, target in files.items():
        text = source.read_text()
        for old, new in pending.items():
            if old in text:
                text = text.replace(old, new)
                unused.discard(old)
        (folder / target).write_text(text)
    assert not unused, f"deploy/ doesn't say {unused}"
    return Nginx(program, folder, port)


def free_port() -> int:
    """Below the ports that systems give away by themselves, so that it stays free until it is used."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
