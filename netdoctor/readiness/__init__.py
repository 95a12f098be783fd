"""Can netdoctor work here? One file for each thing it leans on."""
