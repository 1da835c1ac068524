"""The simulator's errors."""


class DemoError(Exception):
    """The demo cannot run or go on: the message says what, where and what to do."""
