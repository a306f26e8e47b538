"""The OpenAPI 3.1 document, made from the table of routes; `python -m web.openapi` prints it."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web import schemas
from web.keys import OPENAPI, Handler

JSON = "application/json"
FORM = "multipart/form-data"
PROBLEM = "application/problem+json"

Content = Mapping[str, type[BaseModel] | None]
"""By content type; None for what isn't a model of ours."""

_PROOFS = {
    "initData": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`tma ` and the raw init data, as Telegram handed it to the Mini App.",
    },
    "initDataHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "x-telegram-init-data",
        "description": "The raw init data.",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token that `POST /session` answered; that route takes one that is over, too, "
        "until seven days after init data proved whose it is.",
    },
}
ANY_PROOF = tuple(_PROOFS)

_EVERY_ROUTE = (400, 500, 503)
_IDENTIFIED = (401, 403)
_PARAMETER = re.compile(r"{(\w+)(?::[^}]*)?}")
_REF = "#/components/schemas/{model}"


@dataclass(frozen=True)
class Route:
    """One line of the API's contents.

    `answers` are by status. `problems` are the statuses of the errors that are its own; each route may also
    answer 400, 500 and 503, and one with `proofs` (of identity, see `_PROOFS`) 401 and 403. One that is
    `renewing` takes a session that is over, too.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, Content]
    problems: tuple[int, ...] = ()
    body: Content = field(default_factory=dict)
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    proofs: tuple[str, ...] = ANY_PROOF
    renewing: bool = False

    @property
    def template(self) -> str:
        """The path without the patterns of its parameters."""
        return _PARAMETER.sub(r"{\1}", self.path)


async def show(request: web.Request) -> web.Response:
    return web.Response(text=request.app[OPENAPI], content_type=JSON)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    routes = list(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Selfi",
            "version": "1",
            "description": "Photos in, a trained model out. Errors are application/problem+json (RFC 9457).",
        },
        "paths": paths,
        "components": {"schemas": _schemas(routes), "securitySchemes": _PROOFS},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": route.summary,
        "security": [{proof: []} for proof in route.proofs],
    }
    if parameters := list(_parameters(route)):
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = {"content": _content(route.body), "required": JSON in route.body}
    operation["responses"] = {
        **{str(status): _response(status, content) for status, content in route.answers.items()},
        **{
            str(status): _response(status, {PROBLEM: schemas.Problem})
            for status in sorted({*route.problems, *_EVERY_ROUTE, *(_IDENTIFIED if route.proofs else ())})
            if status not in route.answers
        },
    }
    return operation


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(route.path):
        kind = {"type": "string", "format": "uuid"} if name == "id" else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": kind}
    if route.query:
        query = route.query.model_json_schema(ref_template=_REF)
        for name, kind in query["properties"].items():
            required = name in query.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": kind}
    for name, description in route.headers.items():
        yield {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def _response(status: int, content: Content) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if content:
        response["content"] = _content(content)
    return response


def _content(content: Content) -> dict[str, Any]:
    return {
        kind: {"schema": {"$ref": _REF.format(model=model.__name__)}} if model else {}
        for kind, model in content.items()
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    wanted: set[tuple[type[BaseModel], JsonSchemaMode]] = {(schemas.Problem, "serialization")}
    for route in routes:
        wanted |= {(model, "validation") for model in (*route.body.values(), route.query) if model}
        wanted |= {(model, "serialization") for c in route.answers.values() for model in c.values() if model}
    ordered = sorted(wanted, key=lambda pair: pair[0].__name__)
    definitions: dict[str, Any] = models_json_schema(ordered, ref_template=_REF)[1]["$defs"]
    return definitions


def main() -> None:
    from web.routes import ROUTES  # noqa: PLC0415 — the table is made of what this module defines

    json.dump(document(ROUTES), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
