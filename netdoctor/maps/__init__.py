"""The topology as a picture: one file for each way to draw it."""
