"""A helper container in the target's network namespace: works on remote engines and for images without any tool.

Its image must be on the engine already (or may be pulled, when the user allows it). It joins the namespace, has one
capability, writes nothing, mounts nothing, and ends with our connection.
"""

from __future__ import annotations

from netdoctor.engine.helpers import pull, start_helper, sweep
from netdoctor.errors import EngineRefused, NetdoctorError
from netdoctor.vantage.kinds import Impossible, Site
from netdoctor.vantage.programs import text
from netdoctor.vantage.relay import Relay, RelayRefused
from netdoctor.vantage.relayed import RelayedVantage

START = 10.0
"""Seconds that a helper may take to say its first word."""


def sidecar(site: Site) -> RelayedVantage:
    """Raises Impossible."""
    image, engine, container = site.probe_image, site.engine, site.container
    try:
        if not engine.has_image(image):
            if not site.allow_pull:
                raise Impossible(
                    f"its image {image} is not on the engine", f"put {image} on the engine, or allow --pull missing"
                )
            pull(engine, image)
        sweep(engine)
        helper = start_helper(
            engine, image=image, beside=container.id, argv=["python3", "-ISc", text("relay_python.py")]
        )
    except NetdoctorError as error:
        # Without the engine nothing else is possible either: that error says more than ours would.
        if not isinstance(error, EngineRefused):
            raise
        raise Impossible(error.message) from error
    try:
        relay = Relay(helper.stream, patience=START, name=container.short_id)
    except RelayRefused as error:
        helper.close()
        raise Impossible(f"the helper from {image} did not start: {error.said}") from error
    except BaseException:
        helper.close()
        raise
    return RelayedVantage(
        "sidecar", relay, read_file=site.read_file, detail=image, check=site.still_the_same, after=helper.close
    )
