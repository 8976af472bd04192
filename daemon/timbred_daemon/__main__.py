"""``python -m timbred_daemon`` is the ``timbred`` command."""

from timbred_daemon.cli import main

if __name__ == "__main__":
    main()
