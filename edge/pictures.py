"""Whether a file is a picture as cameras write them, by its first bytes alone; nothing of it is decoded."""

BEGINS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"\0\0\0\x0cjP  \r\n\x87\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",  # its bare codestream
    b"II*\0",  # TIFF, and most cameras' raw pictures
    b"MM\0*",
)
BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"crx ")  # HEIF, and Canon's raw
ACCEPTED = "JPEG, PNG, JPEG 2000, TIFF, WebP or HEIC"


def is_picture(data: bytes) -> bool:
    """Return whether bytes begin as a picture does."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    heif = data[4:8] == b"ftyp" and data[8:12] in BRANDS
    return data.startswith(BEGINS) or webp or heif
