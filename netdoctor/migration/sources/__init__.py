"""Where vectors come from: one file each."""
