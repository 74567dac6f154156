"""The process that decodes one WSQ image: data on standard input, size and pixels on standard output.

`matching.wsq_decoding` runs it by its path with the declared width and height: tampered data makes NIST's
decoder read and write beyond its memory, and what dies of that is this process.
"""

import resource
import sys
from io import BytesIO

import wsq  # noqa: F401  # registers itself with pillow
from PIL import Image

MEMORY = 1 << 30  # bytes; an image of 4096 x 4096 takes 0.6 GB
PATIENCE = 30  # seconds of computing; such an image takes 1.4


def main() -> None:
    """Write `WIDTH HEIGHT` as the data has it and, where that is the size declared, the pixels."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
    declared = (int(sys.argv[1]), int(sys.argv[2]))
    try:
        image = Image.open(BytesIO(sys.stdin.buffer.read()), formats=("WSQ",))
    except Exception:  # it raises whatever it likes
        sys.exit("it does not begin as WSQ data that says its size")
    sys.stdout.buffer.write(b"%d %d\n" % image.size)
    if image.size != declared:
        return
    try:
        sys.stdout.buffer.write(image.tobytes())
    except Exception as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
