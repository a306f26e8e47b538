"""What every test may ask for: a migrated Postgres of its own worker, emptied before each test."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import certifi
import hypothesis
import pytest
from hypothesis import HealthCheck
from playwright.async_api import Browser, async_playwright, expect
from tortoise.backends.base.client import BaseDBAsyncClient

from config import Settings
from fal.trainers import TRAINERS
from models import db as models_db
from models.lora import declare_base_models
from tests.service.nursery import Nursery

# How long an example takes is the machine's business.
hypothesis.settings.register_profile(
    "selfi", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis.settings.register_profile("nightly", hypothesis.settings.get_profile("selfi"), max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "selfi"))

# So long a browser test waits for what it expects to see; a machine with much else to do needs it.
expect.set_options(timeout=15_000)

ROOT = Path(__file__).parent.parent
BOT_TOKEN = "123456789:AAtest-token-of-the-emulated-bot"


@pytest.fixture(scope="session", autouse=True)
def _quick_clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every HTTP client loads all the world's certificates first, and loopback needs none: here it is one."""
    end = "-----END CERTIFICATE-----\n"
    first, _, _ = Path(certifi.where()).read_text(encoding="ascii").partition(end)
    one = tmp_path_factory.mktemp("certificates") / "one.pem"
    one.write_text(first + end, encoding="ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(one))
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):  # go before it
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One embedded server for all test processes of a run.

    Not in pytest's own temporary folder: another run that starts makes that one private to its user again,
    and Postgres, which never runs as root, would lose its files.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    for left in Path(tempfile.gettempdir()).glob("selfi-test-*"):
        _remove_if_left_behind(left)
    folder = Path(tempfile.gettempdir()) / f"selfi-test-{run}"
    with models_db.embedded_postgres(folder / "postgres") as dsn:
        yield dsn
    if not (folder / "postgres" / "postmaster.pid").exists():
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left_behind(folder: Path) -> None:
    """Stops and removes the server of a run that was killed."""
    try:
        users = json.loads((folder / "postgres" / ".handle_pids.json").read_text())
        postmaster = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError):
        return
    if not any(models_db.is_alive(pid) for pid in users):
        with suppress(ProcessLookupError):
            os.kill(postmaster, signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: str) -> str:
    """The name of a migrated database that nobody is connected to, for all test processes of a run.

    Migrating takes seconds and copying a moment: whichever process needs it first makes it.
    """
    lock = await asyncpg.connect(postgres_server)
    try:
        await lock.execute("SELECT pg_advisory_lock(1)")
        if not await lock.fetchval("SELECT true FROM pg_database WHERE datname = 'migrated'"):
            dsn = await create_database(postgres_server, "migrating")
            # In another process: it closes the connections that this one's tests have.
            code = "import asyncio, sys; from models.db import upgrade; asyncio.run(upgrade(sys.argv[1]))"
            migrating = await asyncio.create_subprocess_exec(sys.executable, "-c", code, dsn, cwd=ROOT)
            assert await migrating.wait() == 0
            await lock.execute("ALTER DATABASE migrating RENAME TO migrated")
    finally:
        await lock.close()
    return "migrated"


@pytest.fixture(scope="session")
async def dsn(postgres_server: str, migrated_template: str) -> str:
    """A migrated database of this test process's own."""
    return await create_database(postgres_server, f"test_{worker_name()}", migrated_template)


def worker_name() -> str:
    """Which of pytest's processes this is."""
    return os.environ.get("PYTEST_XDIST_WORKER", "alone")


async def create_database(server: str, name: str, template: str = "template1") -> str:
    """Makes a database on the embedded server, empty or as another one is, and answers its DSN."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        # A lost test database is no loss.
        await connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    finally:
        await connection.close()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
async def nursery() -> AsyncIterator[Nursery]:
    """Starts services at once."""
    nursery = await Nursery.open()
    yield nursery
    await nursery.close()


@pytest.fixture(scope="session")
async def _migrated(dsn: str) -> AsyncIterator[str]:
    async with models_db.database(dsn):
        yield dsn


# TRUNCATE makes new files for every table and index, which takes twenty times as long. Foreign keys and
# triggers don't act meanwhile: any order will do.
_EMPTY = """
    DO $$ DECLARE name text; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT quote_ident(tablename) FROM pg_tables
                WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations' LOOP
            EXECUTE 'DELETE FROM ' || name;
        END LOOP;
        PERFORM setval(oid::regclass, 1, false) FROM pg_class
            WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
    END $$
"""


@pytest.fixture
async def db(_migrated: str) -> BaseDBAsyncClient:
    """The models' connection to a migrated database that holds the base models and nothing else."""
    connection = models_db.connection()
    await empty(connection)
    return connection


async def empty(db: BaseDBAsyncClient) -> None:
    """Forgets everything but the base models; for tests of many examples, too."""
    await db.execute_script(_EMPTY)
    await declare_base_models((t.id, t.title, t.painter.endpoint) for t in TRAINERS.values())


def required(program: str) -> str:
    """The path of a program that isn't Python's; without it, tests fail in CI and are skipped elsewhere."""
    # Debian has servers in /usr/sbin, which is not on everybody's path.
    if path := shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        return path
    sentence = f"this test needs {program}: apt-get install {program}"
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


# Chromium takes the last such list, which has to say again what Playwright turns off. The first three are
# ours: an address bar that nobody sees is two more pages for each window, longer in coming than the window
# itself, and a process kept ready for the next page waits in vain.
_WITHOUT = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "TcpPortRandomizationWin",
    "ThirdPartyStoragePartitioning",
)


@asynccontextmanager
async def real_chromium() -> AsyncIterator[Browser]:
    """The switches keep it from speaking to anybody but us.

    Where Chromium's headless shell is installed, it is that: the same engine without the windows around it.
    """
    program = shutil.which("chromium-headless-shell") or required("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                f"--disable-features={','.join(_WITHOUT)}",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            ],
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with real_chromium() as browser:
        yield browser


@pytest.fixture
def settings(tmp_path: Path, dsn: str) -> Settings:
    """Complete settings that point nowhere; a test replaces what it needs by `model_copy`."""
    return Settings(
        _env_file=None,
        telegram_bot_token=BOT_TOKEN,
        fal_key="test-key",
        database_url=dsn,
        data_dir=tmp_path,
        sample_pictures=0,  # what becomes of them has tests of its own
        telegram_api_url="http://127.0.0.1:9",
        fal_queue_url="http://127.0.0.1:9/queue",
        fal_rest_url="http://127.0.0.1:9/rest",
        fal_cdn_url="http://127.0.0.1:9/cdn",
        fal_api_url="http://127.0.0.1:9/api/v1",
    )
