"""One statement for many rows. Does what Django's bulk methods cannot (report conflicts, guards), at a lower cost.

All rows travel as one JSON text. Sent as separate parameters or as arrays, quoting them cost more CPU than everything
else in the statement together. All names in the statements come from the models.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BinaryField, Field, Model

Column: TypeAlias = "Field[Any, Any]"
Row = TypeVar("Row", bound=Model)

_VARCHAR = re.compile(r"varchar(\(\d+\))?")


def insert(rows: Sequence[Model]) -> None:
    """Insert the rows, which have their primary keys unless the database numbers them."""
    model = type(rows[0])
    _execute(_insert_statement(model, "", ()), _as_json(rows, _columns(model)))


def insert_values(model: type[Model], rows: Sequence[Mapping[str, Any]], *, keys: type[Model]) -> None:
    """Insert rows that are not instances: the values of all columns by name, bytes in PostgreSQL's text form.

    `keys`: a table whose columns the rows have as well, its primary key first. A row whose key is stored there already
    is dropped; one without (None) never is. Within `rows` a key occurs once; sort them by it: two processes with
    overlapping rows could otherwise deadlock.
    """
    # The keys travel by themselves: PostgreSQL would copy whole rows that are read twice.
    names = [str(column.column) for column in _columns(keys)]
    of_keys = [{name: row[name] for name in names} for row in rows if row[names[0]] is not None]
    _execute(_insert_values_statement(model, keys), *(msgspec.json.encode(each).decode() for each in (of_keys, rows)))


def insert_new(rows: Sequence[Model], *, unique: Sequence[str]) -> set[Any]:
    """Insert the rows whose unique fields are not stored yet; returns the primary keys of the new ones."""
    return {pk for (pk,) in _insert(rows, unique, "DO NOTHING", returned=["pk"])}


def upsert(rows: Sequence[Row], *, unique: Sequence[str], unless: str = "") -> list[Row]:
    """Insert the rows, or overwrite rows with the same unique fields unless their Boolean field `unless` is set.

    Returns the rows that were written, with the primary keys that the database gave them.
    """
    model = type(rows[0])
    unless_set = f"WHERE NOT {model._meta.db_table}.{_name(_column(model, unless))}" if unless else ""
    attributes = [_column(model, name).attname for name in unique]
    by_key = {tuple(getattr(row, attribute) for attribute in attributes): row for row in rows}
    written = []
    overwriting = f"DO UPDATE SET {_assignments(model, tuple(unique))} {unless_set}"
    for pk, *key in _insert(rows, unique, overwriting, returned=["pk", *unique]):
        row = by_key[tuple(key)]
        row.pk = pk
        written.append(row)
    return written


def write(rows: Sequence[Model], *, keeping: Sequence[str]) -> None:
    """Insert the rows, or overwrite rows with the same primary key, except for the fields `keeping`.

    For rows that only one process writes: they are not sorted, since sorting by a UUID would cost a tenth of the whole.
    """
    model = type(rows[0])
    conflict = f"ON CONFLICT ({_name(model._meta.pk)}) DO UPDATE SET {_assignments(model, ('pk', *keeping))}"
    _execute(_insert_statement(model, conflict, ()), _as_json(rows, _columns(model)))


def update(rows: Sequence[Model], names: Sequence[str], *, guard: str = "", clear_guard: bool = False) -> set[Any]:
    """Write the named fields of each row; returns the primary keys of the rows that were written.

    With a `guard`, a row is written only if the stored field still has the value given here; `clear_guard` then sets
    it to NULL.
    """
    model = type(rows[0])
    keys = [_column(model, "pk"), *([_column(model, guard)] if guard else [])]
    fields = [_column(model, name) for name in names]
    statement = _update_statement(model, tuple(keys), tuple(fields), clear_guard)
    return {pk for (pk,) in _execute(statement, _as_json(rows, [*keys, *fields]))}


def _insert(
    rows: Sequence[Model], unique: Sequence[str], on_conflict: str, *, returned: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Rows are inserted in the order of their unique fields: two overlapping lists could otherwise deadlock."""
    model = type(rows[0])
    columns = [_column(model, name) for name in unique]
    ordered = sorted(rows, key=attrgetter(*(column.attname for column in columns)))
    conflict = f"ON CONFLICT ({', '.join(map(_name, columns))}) {on_conflict}"
    return _execute(_insert_statement(model, conflict, tuple(returned)), _as_json(ordered, _columns(model)))


@cache
def _insert_statement(model: type[Model], conflict: str, returned: Sequence[str]) -> str:
    columns = _columns(model)
    names = ", ".join(map(_name, columns))
    returning = ", ".join(_name(_column(model, name)) for name in returned)
    return (
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {names} FROM {_recordset(columns)} "  # noqa: S608
        f"{conflict} {returning and f'RETURNING {returning}'}"
    )


@cache
def _insert_values_statement(model: type[Model], keys: type[Model]) -> str:
    columns, of_keys = _columns(model), _columns(keys)
    names, key_names = (", ".join(map(_name, each)) for each in (columns, of_keys))
    key = of_keys[0]
    return (
        f"WITH new AS (INSERT INTO {keys._meta.db_table} ({key_names}) "  # noqa: S608
        f"SELECT {key_names} FROM {_recordset(of_keys)} ON CONFLICT DO NOTHING RETURNING {_name(key)}) "
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {names} FROM {_recordset([key, *columns])} "
        f"WHERE {_name(key)} IS NULL OR {_name(key)} IN (SELECT {_name(key)} FROM new)"
    )


@cache
def _assignments(model: type[Model], but: Sequence[str]) -> str:
    kept = [_column(model, name) for name in but]
    return ", ".join(f"{_name(column)} = EXCLUDED.{_name(column)}" for column in _columns(model) if column not in kept)


@cache
def _update_statement(model: type[Model], keys: Sequence[Column], fields: Sequence[Column], clear_guard: bool) -> str:
    assignments = [f"{_name(field)} = given.{_name(field)}" for field in fields]
    assignments += [f"{_name(keys[1])} = NULL"] if clear_guard else []
    return (
        f"UPDATE {model._meta.db_table} AS stored SET {', '.join(assignments)} "  # noqa: S608
        f"FROM {_recordset([*keys, *fields])} "
        f"WHERE {' AND '.join(f'stored.{_name(key)} = given.{_name(key)}' for key in keys)} "
        f"RETURNING stored.{_name(keys[0])}"
    )


def _recordset(columns: Iterable[Column]) -> str:
    types = ", ".join(f"{_name(column)} {_type(column)}" for column in columns)
    return f"json_to_recordset(%s) AS given ({types})"


def _type(column: Column) -> str:
    """Text types lose their length limit: the conversion would silently truncate a text that is too long."""
    return _VARCHAR.sub("text", str(column.rel_db_type(connection)))


@cache
def _columns(model: type[Model]) -> list[Column]:
    """All columns except one that the database numbers."""
    return [column for column in model._meta.concrete_fields if column.get_internal_type() != "BigAutoField"]


def _column(model: type[Model], name: str) -> Column:
    if name == "pk":
        return model._meta.pk
    column: Column = model._meta.get_field(name)  # type: ignore[assignment]  # callers pass only columns
    return column


def _name(column: Column) -> str:
    return f'"{column.column}"'


def _as_json(rows: Iterable[Model], columns: Sequence[Column]) -> str:
    names, binaries, lists_of_binaries = _forms(tuple(columns))
    values = [{name: getattr(row, attribute) for name, attribute in names} for row in rows]
    for name in binaries:
        for row in values:
            row[name] = row[name] and f"\\x{row[name].hex()}"  # PostgreSQL's own text form; JSON has none
    for name in lists_of_binaries:
        for row in values:
            row[name] = [f"\\x{each.hex()}" for each in row[name]]
    return msgspec.json.encode(values).decode()


@cache
def _forms(columns: Sequence[Column]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """The names of the columns and of the attributes behind them; the columns of bytes, and of lists of bytes."""
    names = [(str(column.column), column.attname) for column in columns]
    binaries = [str(column.column) for column in columns if isinstance(column, BinaryField)]
    lists = [
        str(column.column)
        for column in columns
        if isinstance(column, ArrayField) and isinstance(column.base_field, BinaryField)
    ]
    return names, binaries, lists


def _execute(statement: str, *rows: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, rows)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found
