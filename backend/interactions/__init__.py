"""The normalized facts, what is derived from them at write, and the log of what each write touched."""
