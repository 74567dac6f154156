"""What goes wrong with images and records, in one sentence the sender can act on."""


class BadImage(ValueError):
    """The picture cannot be read or is no fingerprint image; nothing was changed."""


class WrongFingers(BadImage):
    """A slap does not show exactly the fingers expected; the message says what it shows, and what to do."""


class BadCache(RuntimeError):
    """Compiled kernels cannot be kept; the message names the folder and what to set."""


class BadRecord(ValueError):
    """The record breaks its standard; the message names the field and the offset."""
