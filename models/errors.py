"""The root of every error that a user can act on."""


class TailbedError(Exception):
    """One clear line: what is wrong, where, and what would be right.

    Every stage derives its own errors from this one. The command line prints the line and exits with 1,
    without a traceback; anything else that is raised is a defect of tailbed itself.
    """
