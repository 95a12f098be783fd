"""What ``import netdoctor`` offers to other programs. The names are in the package's root, each loaded when used."""
