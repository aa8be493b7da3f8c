"""What Dask logs, less what it tells of the arguments of tasks."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Dask's loggers; names below them go the same way.
LOGGERS: Final = ("distributed", "dask")
#: Lines of templates that repeat a task or its arguments (`Worker.execute`, `worker.run`).
PRIVATE_LINES: Final = ("Task:", "Function:", "args:", "kwargs:")
#: Lines that repeat an exception.
EXCEPTION_LINES: Final = ("Exception:", "Traceback:")
#: From where on a message repeats tasks (`Scheduler._generate_taskstates`).
PRIVATE_END: Final = "Debugging information"
#: What an argument of a message is sent as; the rest (messages between servers) by its type.
_TOLD: Final = (str, int, float, tuple, type(None), BaseException, type)
_PLACEHOLDER: Final = re.compile(r"%(?:%|[-#0 +]*[\d*]*(?:\.[\d*]+)?[a-zA-Z])")
_HIDDEN: Final = "..."


def loggers() -> list[logging.Logger]:
    """Dask's loggers, and those below them that keep their records to themselves."""
    found = [logging.getLogger(name) for name in LOGGERS]
    below = tuple(f"{name}." for name in LOGGERS)
    # A copy is made at once; a list of pairs is not, and other threads make loggers meanwhile.
    for name, logger in logging.root.manager.loggerDict.copy().items():
        if name.startswith(below) and isinstance(logger, logging.Logger) and not logger.propagate:
            found.append(logger)
    return found


def message(record: logging.LogRecord, exceptions: bool) -> str:
    """The text of `record`; with or without what it repeats of exceptions."""
    private = PRIVATE_LINES if exceptions else PRIVATE_LINES + EXCEPTION_LINES
    if isinstance(record.args, tuple) and record.args:
        arguments = iter(record.args)
        lines = [_line(line, arguments, private) for line in str(record.msg).split("\n")]
        text = "\n".join(lines)
    else:
        text = record.getMessage()
    return text.split(PRIVATE_END, 1)[0].strip()


def _line(template: str, arguments: Iterator[Any], private: tuple[str, ...]) -> str:
    """A line of a message with its arguments in it, or with none where it is private."""
    placeholders = [found for found in _PLACEHOLDER.findall(template) if found != "%%"]
    own = tuple(next(arguments) for _ in placeholders)
    label = next((name for name in private if template.lstrip().startswith(name)), None)
    if label is not None:
        return f"{label} {_HIDDEN}"
    if not own:
        return template.replace("%%", "%")
    return template % tuple(
        argument if isinstance(argument, _TOLD) else f"<{type(argument).__name__}>"
        for argument in own
    )
