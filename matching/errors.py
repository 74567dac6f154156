"""What goes wrong with images and records, in one sentence the sender can act on."""


class BadImage(ValueError):
    """The picture cannot be read or is no fingerprint image; nothing was changed."""


class BadRecord(ValueError):
    """The record breaks its standard; the message names the field and the offset."""
