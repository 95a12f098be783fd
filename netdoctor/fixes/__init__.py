"""Fixes: plan, apply, confirm, keep or roll back, make permanent, undo. Every change is journalled with its inverse."""
