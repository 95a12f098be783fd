"""CasaOS: it writes an app's compose file anew whenever its settings are saved."""

from __future__ import annotations

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, Permanence, compose_text, paths_of

_FOLDER = "/var/lib/casaos/apps/"


class CasaOS:
    title = "CasaOS"
    rank = 60
    api = None

    def recognises(self, container: Container, topology: Topology) -> bool:
        return any(path.startswith(_FOLDER) for path in paths_of(container))

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        paths = (path.removeprefix(_FOLDER) for path in paths_of(container) if path.startswith(_FOLDER))
        app = next(paths).partition("/")[0]
        return Permanence(
            self.title,
            why="CasaOS writes this app's compose file anew whenever the app's settings are saved there.",
            text=(
                "Export the app's compose file, add these lines, remove the app (its data stays) and install it from "
                "the file:\n"
                f"casaos-cli app-management show local {app} --yaml > {app}.yml\n"
                f"casaos-cli app-management install -f {app}.yml\n"
                f"{compose_text(container, membership)}"
            ),
        )


PLATFORM = PLATFORMS.add("casaos", CasaOS(), home=__name__)
