"""The timbred process: command line, settings, lifetime, watching."""
