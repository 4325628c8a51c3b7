"""`python -m seqloom`: the same as the command `seqloom`."""

from __future__ import annotations

if __name__ == "__main__":
    from seqloom.cli import main

    main()
