"""Files of the object storage as answers. They stream: a model's weights have hundreds of megabytes."""

from collections.abc import Mapping

import structlog
from aiohttp import web

from media.storage import ObjectNotFound, StorageError
from models.errors import NotFound
from web.keys import STORAGE

log = structlog.get_logger(__name__)


async def answer(
    request: web.Request, key: str, content_type: str, headers: Mapping[str, str]
) -> web.StreamResponse:
    """What lies under the key.

    Raises:
        NotFound: nothing does (any more) (`file_not_found`).
    """
    try:
        size, chunks = await request.app[STORAGE].open(key)
    except ObjectNotFound:
        raise NotFound("This file is not there any more.", code="file_not_found") from None
    response = web.StreamResponse(headers={**headers, "Content-Type": content_type})
    response.content_length = size
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        async for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        log.debug("download_left")
    except StorageError as e:
        # The client sees that less came than was promised.
        log.warning("download_broken", error=type(e).__name__)
        response.force_close()
        if request.transport:
            request.transport.close()
    return response
