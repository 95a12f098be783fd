"""The only room that imports the Docker SDK. Its exceptions stop here."""
