"""Logs: one canonical line per unit of work on standard error, readable on a terminal, JSON elsewhere."""

import logging
import sys
from typing import Any

import structlog


def configure(program: str) -> Any:
    """Set structlog up for a program and return its logger."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return structlog.get_logger(program=program)
