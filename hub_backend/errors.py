"""The hub's base error."""


class HubError(Exception):
    """Anything that the hub refuses or cannot do; the message says what, where and what to do about it."""
