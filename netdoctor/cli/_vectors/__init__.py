"""What ``netdoctor vectors`` can do: one file each. A module whose name begins with an underscore is no command."""
