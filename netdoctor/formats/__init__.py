"""One file per output format. A format renders a finished report; it never decides anything."""
