"""One statement for many rows: what Django's bulk methods cannot say (conflicts that tell, guards, RETURNING).

Values travel as one array per column, so a statement has as many parameters as columns, however many the rows.
All names in the statements come from the models.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from django.db import connection
from django.db.models import Field, Model

Column: TypeAlias = "Field[Any, Any]"


def insert_new(rows: Sequence[Model], *, unique: Sequence[str]) -> set[Any]:
    """Insert the rows that are not there yet by their unique fields; returns the primary keys of the new ones."""
    return _insert(rows, unique, "DO NOTHING")


def upsert(rows: Sequence[Model], *, unique: Sequence[str], unless: str) -> set[Any]:
    """Insert the rows, or overwrite those of the same unique fields unless their Boolean field `unless` is set.

    Returns the primary keys of what was written.
    """
    model = type(rows[0])
    overwritten = [field for field in _writable(model) if field.name not in unique]
    assignments = ", ".join(f"{_name(field)} = EXCLUDED.{_name(field)}" for field in overwritten)
    table = model._meta.db_table
    return _insert(rows, unique, f"DO UPDATE SET {assignments} WHERE NOT {table}.{_name(_field(model, unless))}")


def update(rows: Sequence[Model], names: Sequence[str], *, guard: str = "", clear_guard: bool = False) -> set[Any]:
    """Write the named fields of each row; returns the primary keys of the rows that were written.

    With a `guard`, a row is written only where that field still has the value that it has here; `clear_guard` then
    sets it to NULL.
    """
    model = type(rows[0])
    fields = [_field(model, name) for name in names]
    keys = [_field(model, model._meta.pk.name), *([_field(model, guard)] if guard else [])]
    given = [*keys, *fields]
    assignments = [f"{_name(field)} = u.{_name(field)}" for field in fields]
    assignments += [f"{_name(keys[1])} = NULL"] if clear_guard else []
    return _fetch_keys(
        f"UPDATE {model._meta.db_table} AS t SET {', '.join(assignments)} "  # noqa: S608
        f"FROM {_unnest(given)} AS u ({', '.join(_name(field) for field in given)}) "
        f"WHERE {' AND '.join(f't.{_name(key)} = u.{_name(key)}' for key in keys)} RETURNING t.{_name(keys[0])}",
        _columns(given, rows),
    )


def _insert(rows: Sequence[Model], unique: Sequence[str], on_conflict: str) -> set[Any]:
    """Rows go in the order of their unique fields: two overlapping lists would else lock each other out."""
    model = type(rows[0])
    fields = _writable(model)
    attributes = [_field(model, name).attname for name in unique]
    ordered = sorted(rows, key=lambda row: tuple(getattr(row, attribute) for attribute in attributes))
    return _fetch_keys(
        f"INSERT INTO {model._meta.db_table} ({', '.join(_name(field) for field in fields)}) "  # noqa: S608
        f"SELECT * FROM {_unnest(fields)} "
        f"ON CONFLICT ({', '.join(_name(_field(model, name)) for name in unique)}) {on_conflict} "
        f"RETURNING {_name(_field(model, model._meta.pk.name))}",
        _columns(fields, ordered),
    )


def _writable(model: type[Model]) -> list[Column]:
    """All columns but one that the database numbers."""
    return [field for field in model._meta.concrete_fields if field.get_internal_type() != "BigAutoField"]


def _field(model: type[Model], name: str) -> Column:
    field: Column = model._meta.get_field(name)  # type: ignore[assignment]  # only columns are asked for
    return field


def _name(field: Column) -> str:
    return f'"{field.column}"'


def _unnest(fields: Sequence[Column]) -> str:
    return f"unnest({', '.join(f'%s::{_array_type(field)}[]' for field in fields)})"


def _array_type(field: Column) -> str:
    """Texts without their limit: a cast would cut what is too long, silently."""
    column_type = str(field.rel_db_type(connection))
    return "text" if column_type.startswith("varchar") else column_type


def _columns(fields: Sequence[Column], rows: Sequence[Model]) -> list[list[Any]]:
    return [[field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows] for field in fields]


def _fetch_keys(statement: str, columns: list[list[Any]]) -> set[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, columns)
        return {key for (key,) in cursor.fetchall()}
