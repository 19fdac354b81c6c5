"""Outlook's compressed RTF bodies, [MS-OXRTFCP]: an LZ77 with a dictionary that begins with common RTF words."""

import struct

from ementa.extraction.errors import FileCorrupt

_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS "
    b"Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b"
    b"\\i\\u\\tab\\tx"
)
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_LARGEST = 50_000_000


def decompress_rtf(data: bytes) -> bytes:
    """The RTF of a compressed body; raises `FileCorrupt` when it is none."""
    if len(data) < 16:
        raise FileCorrupt(cause="compressed RTF")
    size, kind = struct.unpack_from("<4xII", data)
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _PACKED or size > _LARGEST:
        raise FileCorrupt(cause="compressed RTF")
    return _expand(data, size)


def _expand(data: bytes, size: int) -> bytes:
    window = bytearray(_START.ljust(_WINDOW, b" "))
    write = len(_START)
    out = bytearray()
    at = 16
    while at < len(data) and len(out) < size:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data) or len(out) >= size:
                break
            if not flags >> bit & 1:
                chunk = data[at : at + 1]
                at += 1
            else:
                token = int.from_bytes(data[at : at + 2], "big")
                at += 2
                offset = token >> 4
                if offset == write % _WINDOW:
                    return bytes(out)
                chunk = b""
                for step in range((token & 15) + 2):
                    byte = window[(offset + step) % _WINDOW]
                    window[(write + step) % _WINDOW] = byte
                    chunk += bytes((byte,))
            for byte in chunk:
                window[write % _WINDOW] = byte
                write += 1
            out += chunk
    return bytes(out)
