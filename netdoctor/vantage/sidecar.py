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
    engine, container = site.engine, site.container
    try:
        image = helper_image(site)
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


def helper_image(site: Site) -> str:
    """One that the engine has; else the one that may be fetched. Raises Impossible, and what the engine says."""
    present = next((image for image in site.probe_images if site.engine.has_image(image)), None)
    if present is not None:
        return present
    if site.pulled_image is not None:
        pull(site.engine, site.pulled_image)
        return site.pulled_image
    if len(site.probe_images) == 1:
        missing = f"its image {site.probe_images[0]} is not on the engine"
    else:
        missing = f"the engine has no image for it ({', '.join(site.probe_images[1:])})"
    raise Impossible(missing, "allow it to fetch one: --pull missing")
