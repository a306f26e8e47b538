"""What people want, one module each; `bot/app.py` has the table of which update goes where."""
