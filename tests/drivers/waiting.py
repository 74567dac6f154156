"""Runs under umockdev: asks the recorded U.are.U 4500 for what its tape lacks; says how each ask ends."""

from drivers.api import BulkIn, ControlOut, Listen
from drivers.digitalpersona_uru4000 import TRANSFER_BYTES
from drivers.errors import DeviceFault
from drivers.usb_transport import find_devices
from drivers.where import LocalUsb


def main() -> None:
    (device,) = [found for found in find_devices(LocalUsb()) if found.vendor == 0x05BA]
    transport = device.open()
    transport.perform(Listen())
    print(transport.hear(0.05))
    begin = ControlOut(0x04, 0x4E, 0, b"\x20", timeout=0.05)
    for step in (
        BulkIn(None, TRANSFER_BYTES, TRANSFER_BYTES, 0.05),
        BulkIn(None, TRANSFER_BYTES, TRANSFER_BYTES, 5.0, begin=begin),
    ):
        try:
            transport.perform(step)
        except DeviceFault as fault:
            print(fault)
    print(transport.hear(0.05))
    transport.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main()
