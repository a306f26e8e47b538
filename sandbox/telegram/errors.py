"""What is refused: `ApiError` to the bot in Telegram's own words, `Refused` to a person in ours."""

from http import HTTPStatus


class ApiError(Exception):
    """An answer with `"ok": false`. Descriptions are those of tdlib/telegram-bot-api, to the letter."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


class Refused(Exception):
    """Something a person tried that Telegram's apps don't allow; `status` is HTTP's."""

    def __init__(self, sentence: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


def bad_request(description: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, f"Bad Request: {description}")


def too_many_requests(retry_after: int) -> ApiError:
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Too Many Requests: retry after {retry_after}",
        retry_after=retry_after,
    )


# Made anew each time: an exception keeps the traceback of every place that raised it.
def unauthorized() -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized")


def method_not_found() -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, "Not Found: method not found")


def conflict(description: str) -> ApiError:
    return ApiError(HTTPStatus.CONFLICT, f"Conflict: {description}")


def entity_too_large() -> ApiError:
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")


def blocked() -> ApiError:
    return ApiError(HTTPStatus.FORBIDDEN, "Forbidden: bot was blocked by the user")


def not_started() -> ApiError:
    return ApiError(HTTPStatus.FORBIDDEN, "Forbidden: bot can't initiate conversation with a user")


def chat_not_found() -> ApiError:
    return bad_request("chat not found")


def query_too_old() -> ApiError:
    return bad_request("query is too old and response timeout expired or query ID is invalid")


def not_modified() -> ApiError:
    return bad_request(
        "message is not modified: specified new message content and reply markup are exactly the same "
        "as a current content and reply markup of the message"
    )
