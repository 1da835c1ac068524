"""What provisioning refuses."""

from hub_backend.errors import HubError


class ProvisionError(HubError):
    """Something that cannot be provisioned; the message names the field and what to do."""
