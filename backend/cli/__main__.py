"""`python -m backend.cli`, where the `scoredesk` script is not installed."""

from backend.cli import main

main()
