class InputError(ValueError):
    """What the caller gave cannot be used.

    The message holds the offending value and the way out. The command line shows
    it without a traceback and exits with code 2.
    """
