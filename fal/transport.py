"""The one way to fal.ai: an httpx client that sends each request once and sorts what comes back.

fal-client repeats a failed request up to ten times when the failure is one of httpx's or of its own.
Repeating a submit buys the same training again, so the transport beneath turns every failure into one of our
errors, which fal-client doesn't know and passes on. What is tried again, and when, is the caller's decision.
"""

import logging
from ipaddress import ip_address

import httpx
from fal_client.client import QUEUE_URL_FORMAT, USER_AGENT, AsyncBackupDomainTransport

from fal.errors import Ambiguous, Unavailable, error_from

# Where fal-client sends everything that has to do with its queue: a constant that it reads at import.
_CLIENTS_QUEUE = httpx.URL(QUEUE_URL_FORMAT)

# Nothing of the request had been sent when one of these was raised.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class FalTransport(httpx.AsyncBaseTransport):
    """Answers with successes only, read to the end; everything else is raised as a `FalError`.

    Requests to fal-client's queue address go to `queue_url` instead, path prefix included. Loopback addresses
    are never reached through a proxy of the environment; others are where it names one, and fall back to
    fal's backup domain when the first can't be connected to, as with fal-client itself.
    """

    def __init__(self, queue_url: str) -> None:
        self._queue_url = httpx.URL(queue_url)
        self._direct = httpx.AsyncHTTPTransport()
        self._public = AsyncBackupDomainTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        to_queue = request.url.copy_with(raw_path=b"/") == _CLIENTS_QUEUE
        submitting = to_queue and request.method == "POST"
        if to_queue:
            request.url = self._on_queue(request.url)
            request.headers["Host"] = request.url.netloc.decode("ascii")
        response = await self._answer(request, submitting)
        if response.is_success:
            if submitting and not _names_a_request(_json(response)):
                raise Ambiguous("fal.ai's answer to a submit names no request.", code="unreadable_answer")
            return response
        error = error_from(response.status_code, response.headers, _json(response))
        if submitting and response.status_code >= 500 and response.status_code != 503:
            raise Ambiguous(error.detail, code=error.code)
        raise error

    async def aclose(self) -> None:
        await self._direct.aclose()
        await self._public.aclose()

    async def _answer(self, request: httpx.Request, submitting: bool) -> httpx.Response:
        """Reads the body too: a line that drops in the middle of it is a failure like any other."""
        transport = self._direct if is_loopback(request.url.host) else self._public
        try:
            response = await transport.handle_async_request(request)
            await response.aread()
        except _NOT_SENT as error:
            raise Unavailable(f"{request.url.host} can't be reached.", code="unreachable") from error
        except httpx.RequestError as error:
            message = f"{request.url.host} gave no whole answer ({type(error).__name__})."
            if submitting:
                raise Ambiguous(message, code="no_answer") from error
            raise Unavailable(message, code="no_answer") from error
        return response

    def _on_queue(self, url: httpx.URL) -> httpx.URL:
        raw_path = self._queue_url.raw_path.rstrip(b"/") + url.raw_path
        return self._queue_url.copy_with(raw_path=raw_path)


def http_client(
    *, timeout: float, key: str | None = None, queue_url: str = QUEUE_URL_FORMAT
) -> httpx.AsyncClient:
    """A client over `FalTransport`; `timeout` is in seconds, for each step of a request."""
    # httpx logs each request's whole URL, and a zip's is all that it takes to fetch someone's photos.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    headers = {"User-Agent": USER_AGENT} | ({"Authorization": f"Key {key}"} if key else {})
    return httpx.AsyncClient(transport=FalTransport(queue_url), headers=headers, timeout=timeout)


def json_object(response: httpx.Response) -> dict[str, object]:
    """The answer's JSON object; anything else raises `Unavailable`."""
    body = _json(response)
    if not isinstance(body, dict):
        raise Unavailable("fal.ai's answer is not a JSON object.", code="unreadable_answer")
    return body


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _names_a_request(body: object) -> bool:
    """Whether fal-client finds in it all that it reads, so that it can't fail after the POST."""
    names = ("request_id", "response_url", "status_url", "cancel_url")
    return isinstance(body, dict) and all(isinstance(body.get(name), str) and body[name] for name in names)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
