"""Values that fit a JSON schema: what a model answers when it is asked for JSON or calls a tool. No I/O."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

# Schemas may contain themselves: below this depth, everything that may be omitted or empty is.
MAX_DEPTH = 6
# Texts that a validator checks, by the schema's `format`.
FORMATS = {
    "date": "2026-11-30",
    "time": "12:00:00Z",
    "date-time": "2026-11-30T12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "0190b2a0-0000-7000-8000-000000000000",
}


def sample(schema: Schema, *, text: str) -> Any:
    """A value that fits; `text` is used wherever any text may stand.

    Knows what SDKs generate from classes: types, enums, `$ref` to `$defs`, `anyOf`, limits of numbers, texts and lists.
    """
    return _Sampler(schema, text).value(schema, 0)


class _Sampler:
    def __init__(self, root: Schema, text: str) -> None:
        self._root = root
        self._text = text

    def value(self, schema: Schema, depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        for words in ("anyOf", "oneOf"):
            if schema.get(words):
                return self.value(self._simplest(schema[words], depth), depth)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        kind = kind[0] if isinstance(kind, list) else kind
        make = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
        }.get(kind)
        if make is not None:
            return make(schema, depth)
        return True if kind == "boolean" else None

    def _resolved(self, schema: Schema) -> Schema:
        """The schema with its references and `allOf` parts resolved."""
        while "$ref" in schema:
            found: Any = self._root
            for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
                found = found[step] if step else found
            schema = {**found, **{name: value for name, value in schema.items() if name != "$ref"}}
        for part in schema.get("allOf", ()):
            schema = {**self._resolved(part), **{name: value for name, value in schema.items() if name != "allOf"}}
        return schema

    def _simplest(self, choices: list[Schema], depth: int) -> Schema:
        """The first alternative; below the depth limit, the null one."""
        nothing = [choice for choice in choices if choice.get("type") == "null"]
        return nothing[0] if nothing and depth >= MAX_DEPTH else choices[0]

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        wanted = properties if depth < MAX_DEPTH else schema.get("required", ())
        return {name: self.value(properties.get(name) or {}, depth + 1) for name in wanted}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        count = max(schema.get("minItems", 0), 0 if depth >= MAX_DEPTH else 1)
        return [self.value(schema.get("items") or {}, depth + 1) for _number in range(min(count, 100))]

    def _string(self, schema: Schema, depth: int) -> str:
        text = FORMATS.get(str(schema.get("format")), self._text)
        return text[: schema.get("maxLength")].ljust(schema.get("minLength", 0), "…")

    def _integer(self, schema: Schema, depth: int) -> int:
        return int(self._number(schema, depth))

    def _number(self, schema: Schema, depth: int) -> int | float:
        least, most = schema.get("minimum"), schema.get("maximum")
        if least is None and "exclusiveMinimum" in schema:
            least = schema["exclusiveMinimum"] + 1
        if most is None and "exclusiveMaximum" in schema:
            most = schema["exclusiveMaximum"] - 1
        value = 1 if least is None or least <= 1 else least
        return value if most is None or value <= most else most
