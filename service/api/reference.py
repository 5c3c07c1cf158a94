"""``/docs``: the API's description as a page for people, made from ``/openapi.json``.

The usual pages for this load their scripts from another host, which the service's own content security policy
refuses and an installation without Internet does not reach. This one is plain HTML.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.api.headers import CONTENT_SECURITY_POLICY

Json = dict[str, Any]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: light-dark(#1f66a8, #7db4ea) }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem 1.25rem 6rem }
a { color: var(--accent); text-decoration: none } a:hover { text-decoration: underline }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line) } h3 { margin: 0 } h4 { margin: 1rem 0 .25rem }
article { border: 1px solid var(--line); border-radius: 6px; margin: 1rem 0; padding: .75rem 1rem }
code, pre { font: 13px/1.45 ui-monospace, monospace }
code { background: var(--soft); border-radius: 3px; padding: 0 3px }
pre { background: var(--soft); border-radius: 4px; overflow-x: auto; padding: .5rem .75rem; margin: .25rem 0 }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border-top: 1px solid var(--line); padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top }
.method { color: var(--accent); font-weight: 600; margin-right: .5rem } .quiet { opacity: .75 }
nav ul { columns: 2; list-style: none; padding: 0 } @media (max-width: 40rem) { nav ul { columns: 1 } }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = CONTENT_SECURITY_POLICY.replace("style-src 'self'", f"style-src 'sha256-{_STYLE_HASH}'")


def serve_reference(app: FastAPI) -> None:
    """Add ``/docs``."""

    async def get_reference(request: Request) -> Response:
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
        return HTMLResponse(render(app.openapi()), headers=headers)

    app.add_route("/docs", get_reference, methods=["GET", "HEAD"], include_in_schema=False)


def render(schema: Json) -> str:
    """The page for an OpenAPI description."""
    info = schema["info"]
    body = [f"<h1>{escape(info['title'])} API</h1>", _markdown(info["summary"]), _markdown(info["description"])]
    body.append('<p class="quiet">For programs: <a href="openapi.json">openapi.json</a></p>')
    body.append(_contents(schema))
    for tag in schema["tags"]:
        body.append(f'<section><h2 id="{escape(tag["name"])}">{escape(tag["name"].capitalize())}</h2>')
        body.append(_markdown(tag["description"]))
        body += [_operation(*each) for each in _operations(schema, tag["name"])]
        body.append("</section>")
    body.append('<section><h2 id="schemas">Schemas</h2>')
    body += [_schema(name, part) for name, part in sorted(schema["components"]["schemas"].items())]
    body.append("</section>")
    title = f"<title>{escape(info['title'])} API</title>"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{title}<style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>'


def _operations(schema: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(schema: Json) -> str:
    entries = [
        f'<li><a href="#{escape(operation["operationId"])}"><code>{method} {escape(path)}</code></a></li>'
        for tag in schema["tags"]
        for method, path, operation in _operations(schema, tag["name"])
    ]
    return f"<nav aria-label='Operations'><ul>{''.join(entries)}</ul></nav>"


def _operation(method: str, path: str, operation: Json) -> str:
    parts = [
        f'<article id="{escape(operation["operationId"])}"><h3><span class="method">{method}</span>'
        f"<code>{escape(path)}</code></h3><p><strong>{escape(operation['summary'])}</strong></p>",
        _markdown(operation["description"]),
    ]
    if parameters := operation.get("parameters"):
        rows = [
            (
                f"<code>{escape(each['name'])}</code>",
                f"{escape(each['in'])}, {_type(each['schema'])}{_default(each['schema'])}",
                _inline(each.get("description", "")),
            )
            for each in parameters
        ]
        parts.append(f"<h4>Parameters</h4>{_table(rows)}")
    if "requestBody" in operation:
        parts.append(f"<h4>Body</h4><p>{_type(operation['requestBody']['content']['application/json']['schema'])}</p>")
    rows = [(f"<code>{status}</code>", *_response(response)) for status, response in operation["responses"].items()]
    parts.append(f"<h4>Answers</h4>{_table(rows)}</article>")
    return "".join(parts)


def _response(response: Json) -> tuple[str, str]:
    """What an answer is, and of what type; of problems, their codes."""
    for media, content in response.get("content", {}).items():
        if media == "application/problem+json":
            codes = ", ".join(f"<code>{escape(code)}</code>" for code in content["examples"])
            return _inline(response["description"]), codes
        kind = _type(content["schema"]) if media == "application/json" else f"<code>{escape(media)}</code>"
        return _inline(response["description"]), kind
    return _inline(response["description"]), ""


def _schema(name: str, part: Json) -> str:
    required = set(part.get("required", ()))
    rows = [
        (
            f"<code>{escape(field)}</code>",
            _type(each) + ("" if field in required else _default(each)),
            _inline(each.get("description", "")),
        )
        for field, each in part.get("properties", {}).items()
    ]
    values = ", ".join(f"<code>{escape(str(each))}</code>" for each in part.get("enum", ()))
    examples = [
        f"<pre>{escape(json.dumps(each, indent=2, ensure_ascii=False))}</pre>" for each in part.get("examples", ())
    ]
    return (
        f'<article id="schema-{escape(name)}"><h3>{escape(name)}</h3>{_markdown(part.get("description", ""))}'
        f"{values}{_table(rows)}{''.join(examples)}</article>"
    )


def _type(schema: Json) -> str:
    """A schema in a few words, with links to those that have a name."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in schema.get("enum", [schema.get("const")]))
    return _plain_type(schema) + _bounds(schema)


def _plain_type(schema: Json) -> str:
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else f"list of {len(schema['prefixItems'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map to {_type(schema['additionalProperties'])}"
    if kind == "string":
        return escape(schema.get("format", "text"))
    return escape(kind)


_BOUNDS = {
    "minimum": "&ge; {}",
    "exclusiveMinimum": "&gt; {}",
    "maximum": "&le; {}",
    "exclusiveMaximum": "&lt; {}",
    "minLength": "&ge; {} characters",
    "maxLength": "&le; {} characters",
    "minItems": "&ge; {} items",
    "maxItems": "&le; {} items",
}


def _bounds(schema: Json) -> str:
    if "prefixItems" in schema:
        return ""
    found = [text.format(f"{schema[name]:.16g}") for name, text in _BOUNDS.items() if name in schema]
    return f" ({', '.join(found)})" if found else ""


def _default(schema: Json) -> str:
    if "default" not in schema:
        return ""
    return f", default <code>{escape(json.dumps(schema['default']))}</code>"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{cells}</table>" if rows else ""


# ---- the little Markdown that descriptions use


def _markdown(text: str) -> str:
    return "".join(_block(block.strip().splitlines()) for block in text.strip().split("\n\n") if block.strip())


def _block(lines: list[str]) -> str:
    if lines[0].startswith("|"):
        rows = [
            tuple(_inline(cell.strip()) for cell in line.strip("|").split("|")) for line in lines if "|---" not in line
        ]
        return _table(rows)
    for mark, tag in ((r"\* ", "ul"), (r"\d+\. ", "ol")):
        if re.match(mark, lines[0]):
            items = re.split(rf"\n{mark}", "\n".join(lines))
            items[0] = re.sub(f"^{mark}", "", items[0])
            return f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{tag}>"
    return f"<p>{_inline(' '.join(lines))}</p>"


def _inline(text: str) -> str:
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked)
