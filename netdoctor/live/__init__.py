"""What stays and looks on: watch."""
