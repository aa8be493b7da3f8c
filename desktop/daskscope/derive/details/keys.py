"""Keys of tasks in the words of lists: what tells one from its like."""

from __future__ import annotations

import re
from typing import Final

#: `('name-hash', 4, 0)`: what Dask's collections call their tasks; the rest behind the comma.
_TUPLE: Final = re.compile(r"""\(\s*(['"])(?P<name>.*?)\1\s*,\s*(?P<rest>.*?),?\s*\)""", re.DOTALL)
#: What `tokenize` and `uuid4` put behind names.
_HASH: Final = re.compile(r"-?([0-9a-f]{8})(?:[0-9a-f]{24}|[0-9a-f-]{28})$")
_SHOWN: Final = 200


def short_key(prefix: str, key: str) -> str:
    """`groupby-chunk, 16` of `('groupby-chunk-<hash>', 16)`; of `inc-<hash>` its first digits.

    `prefix` is "" where it is not known.
    """
    key = key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…"
    if not key:
        return prefix
    found = _TUPLE.fullmatch(key)
    if found:
        name = prefix or _HASH.sub("", found["name"])
        return f"{name}, {found['rest']}"
    hashed = _HASH.search(key)
    if hashed is None:
        return key
    name = prefix or key[: hashed.start()]
    return f"{name}, {hashed[1]}" if name else key
