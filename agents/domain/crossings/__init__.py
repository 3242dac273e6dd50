"""Crossings: find what agents of two users share, mark it as meant, or separate it."""
