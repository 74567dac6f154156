"""Validation errors in words: which key, what is wrong with it, what is wanted."""

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

MOST_PROBLEMS = 3  # told of one payload; whoever sent thousands of wrong keys needs no list of them
LONGEST_NAME = 60  # characters of a key that are repeated


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say in one line what is wrong; values are never repeated, they may be personal."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [_one(dict(problem), model) for problem in problems[:MOST_PROBLEMS]]
    if more := len(problems) - len(told):
        told.append(f"and {more} more")
    return "; ".join(told)


def _one(problem: dict[str, Any], model: type[BaseModel]) -> str:
    where = [str(step) for step in problem["loc"]]
    name = ".".join(where)
    if len(name) > LONGEST_NAME:
        name = name[:LONGEST_NAME] + "…"
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{name}'; known there: {', '.join(_keys(model, where[:-1]))}"
    if problem["type"] == "missing":
        return f"'{name}' is missing"
    if problem["type"] == "string_pattern_mismatch" and (wanted := _description(model, where)):
        return f"'{name}' must be {wanted}"
    text = re.sub(r"\s+", " ", problem["msg"].removeprefix("Value error, "))
    text = text[:1].lower() + text[1:]
    return f"'{name}': {text}" if name else text


def _step_into(model: type[BaseModel], where: list[str]) -> type[BaseModel] | None:
    """Follow a path of keys through nested models, None where it leaves them."""
    for step in where:
        field = model.model_fields.get(step)
        if field is None or not isinstance(field.annotation, type):
            return None
        if not issubclass(field.annotation, BaseModel):
            return None
        model = field.annotation
    return model


def _keys(model: type[BaseModel], where: list[str]) -> list[str]:
    found = _step_into(model, where)
    return list(found.model_fields) if found else []


def _description(model: type[BaseModel], where: list[str]) -> str | None:
    found = _step_into(model, where[:-1])
    field = found.model_fields.get(where[-1]) if found and where else None
    if field is None:
        return None
    if field.description:
        return field.description
    return next((getattr(part, "description", None) for part in get_args(field.annotation)), None)
