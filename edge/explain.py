"""Validation errors in words: which key, what is wrong with it, what is wanted."""

import re
from typing import Any, get_args, get_origin

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
    """Follow a path of keys through nested models, lists and tables of them; None where it leaves them."""
    steps = list(where)
    while steps:
        field = model.model_fields.get(steps.pop(0))
        inner, keyed = _model_in(field.annotation) if field else (None, False)
        if inner is None or (keyed and not steps):
            return None
        model = inner
        if keyed:
            steps.pop(0)
    return model


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the model that a field holds, and whether a key or an index leads to it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    inner = next((a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, BaseModel)), None)
    return inner, get_origin(annotation) in (dict, list, tuple)


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
    parts = get_args(field.annotation)  # of what may be left out: each alternative's parts, too
    inner = (part for alternative in parts for part in get_args(alternative))
    return next((text for part in (*parts, *inner) if (text := getattr(part, "description", None))), None)
