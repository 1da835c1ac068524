"""Who may speak: the project's own authority, a certificate for each machine, the broker's configuration.

`buurtrit provision` is the one way to make them. One folder holds it all:

    ca.pem revoked.pem        what everybody trusts, and whom nobody trusts any more
    private/ca.key            the authority's key (0600): keep this folder off the machines that run
    register.json             who was given what, until when, and what was taken back
    broker/ hub/ van-1/ …     one bundle a machine, to be copied there and nowhere else
"""
