"""The ``clap`` space: LAION-CLAP vectors of sounds and of words.

Two kinds of processes share the work. The analysis workers decode a segment at 48 kHz and compute its log-mel features
(``featurise``, ``features``); one CLAP worker (``worker``) holds the model and turns features and texts into vectors.
So a broken file never costs the model's process, which takes seconds to load, and torch is loaded nowhere else.
``host`` is that process as the daemon sees it.
"""
