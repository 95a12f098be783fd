"""One file per verb, each with a click command named ``command``. The only room that imports click."""
