"""A worker's nanny, which is another process: what is asked of it is run there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from distributed.protocol.pickle import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from distributed import Worker

logger = logging.getLogger(__name__)


async def ask(
    worker: Worker, function: Callable[..., Coroutine[Any, Any, None]], **arguments: object
) -> None:
    """Run `function` in the nanny of `worker`; never raises.

    Parameters
    ----------
    worker
        Without a nanny nothing is done. One that starts is answered when it has started.
    function
        Takes the nanny, by the name that Dask gives to it: `dask_worker`.
    arguments
        For it, too.
    """
    if not worker.nanny:
        return
    try:
        async with worker.rpc(str(worker.nanny)) as nanny:
            answer = await nanny.run(function=dumps(function), kwargs=dumps(arguments))
        if answer["status"] != "OK":
            logger.info("The nanny has failed: %s", answer.get("exception_text"))
    except Exception as error:  # noqa: BLE001 - whatever Dask's comms raise
        logger.info("The nanny does not answer: %s", error)
