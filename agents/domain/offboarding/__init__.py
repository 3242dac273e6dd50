"""Off-board a user: list what belongs to them, let it go, read it back, and write a receipt."""
