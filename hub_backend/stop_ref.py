"""What a planned stop is called on the wire: a stop's id, a ride's two ends, or the depot stops that a plan counts.

`k3v9…` is an address, `k3v9…/pickup` and `k3v9…/dropoff` are the ends of a ride, `reload.1` and `charge.2` are stops at
the hub, `fetch.1` is where a van stands that cannot go on, `rest.lunch` is the concierge's own, wherever she then is.
"""

PICKUP = "/pickup"
DROPOFF = "/dropoff"


REST = "rest."
FETCH = "fetch."


def is_nobodys(ref: str) -> bool:
    """Whether a planned stop is no resident's: at the hub, at another van, or a rest."""
    return is_depot_stop(ref) or ref.startswith((REST, FETCH))


def is_depot_stop(ref: str) -> bool:
    """Whether a planned stop is a reload or a charge (`reload.1`) and no resident's."""
    return ref.startswith(("reload.", "charge."))


def stop_of_ref(ref: str) -> str:
    """The record's stop behind a planned stop: both ends of a ride are one."""
    return ref.partition("/")[0]


def end_of_ref(ref: str) -> str:
    """Which end of a ride it is, `pickup` or `dropoff`; empty for any other stop."""
    return ref.partition("/")[2]
