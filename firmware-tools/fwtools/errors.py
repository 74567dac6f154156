"""Errors that end as one clear sentence on standard error."""


class ToolError(Exception):
    """Its text is the whole message: what is wrong and what to do."""
