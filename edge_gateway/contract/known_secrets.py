"""What is no secret because everybody knows it: what examples, images and hurried people use."""

KNOWN = frozenset(
    {
        *("admin", "changeme", "default", "influxdb", "my-super-secret-auth-token", "password", "secret", "token"),
        *("123456", "12345678", "buurtrit", "geheim", "guest", "letmein", "mosquitto", "mqtt", "postgres", "root"),
        *("test", "wachtwoord", "welkom01"),
    }
)


def is_known(secret: str, *, user: str | None = None) -> bool:
    """Whether anybody would try this, as they would the name of its `user`."""
    return secret.lower() in KNOWN or secret == user
