"""Gaps in the numbers that H.264 frames carry: a frame that is lost whole is missed by no decoder.

FFmpeg decodes on from whatever it has, flags nothing and says nothing (measured: all frames up to the next key frame
differ from the true ones by up to half of the range, and none is marked). Other codecs' decoders leave such frames out
or flag them.
"""

from __future__ import annotations

import re

_START = re.compile(b"\x00\x00\x01")
_SLICE, _KEY_SLICE, _SETTINGS = 1, 5, 7
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEADER = 64  # bytes of a unit that are looked at: what is needed lies in its first few


class FrameNumbers:
    """Follows the frame numbers of one H.264 stream, packet by packet. Not thread-safe."""

    def __init__(self, extradata: bytes | None) -> None:
        """Begin.

        Args:
            extradata: Of the stream: parameter sets, in one form or the other; None if it has none.
        """
        self._length = 0  # bytes that give a unit's length; 0 where units begin with a start code
        self._bits: int | None = None  # of a frame number; None until known, or where gaps are allowed
        self._last: int | None = None
        extradata = extradata or b""
        if extradata[:1] == b"\x01" and len(extradata) > 8:
            self._length = (extradata[4] & 3) + 1
            size = int.from_bytes(extradata[6:8], "big")
            self._learn(extradata[8 : 8 + size])
        else:
            for unit in _by_start_codes(extradata):
                self._learn(unit)

    def gap(self, packet: bytes) -> bool:
        """Whether frames that others refer to are missing before this one."""
        for unit in _by_length(packet, self._length) if self._length else _by_start_codes(packet):
            kind = unit[0] & 31
            if kind == _SETTINGS:
                self._learn(unit)
            elif kind in (_SLICE, _KEY_SLICE):
                return self._follow(unit, key=kind == _KEY_SLICE)
        return False

    def _follow(self, unit: bytes, *, key: bool) -> bool:
        if self._bits is None:
            return False
        last, number = self._last, 0
        if not key:
            try:
                bits = _Bits(unit[1:_HEADER])
                bits.golomb(), bits.golomb(), bits.golomb()  # first macroblock, kind of slice, picture settings
                number = bits.take(self._bits)
            except IndexError:
                return False  # the decoder will say what is wrong with it
        if key or unit[0] & 0x60:  # others refer to it: the next one's number is one more
            self._last = number
        if key or last is None:
            return False
        missing = number not in (last, (last + 1) % (1 << self._bits))
        if missing:
            self._last = number
        return missing

    def _learn(self, unit: bytes) -> None:
        if not unit or unit[0] & 31 != _SETTINGS:
            return
        try:
            self._bits = _number_bits(_Bits(unit[1:]))
        except IndexError:
            self._bits = None


def _number_bits(bits: _Bits) -> int | None:
    """Length of a frame number, of the sequence's settings; None where numbers may have gaps."""
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    if profile in _WITH_CHROMA:
        if bits.golomb() == 3 and bits.take(1):  # a plane a slice: its headers are longer, and nobody uses it
            return None
        bits.golomb(), bits.golomb(), bits.take(1)
        if bits.take(1):  # matrices; cameras send none, and reading on would take all of them
            return None
    length = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1), bits.golomb(), bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb()
    return None if bits.take(1) or length > 16 else length


def _by_start_codes(data: bytes) -> list[bytes]:
    """The beginnings of the units of a packet, up to its first slice."""
    units = []
    for start in _START.finditer(data):
        unit = data[start.end() : start.end() + _HEADER]
        if unit:
            units.append(unit)
            if unit[0] & 31 in (_SLICE, _KEY_SLICE):
                break
    return units


def _by_length(data: bytes, length: int) -> list[bytes]:
    units, at = [], 0
    while at + length < len(data):
        size = int.from_bytes(data[at : at + length], "big")
        unit = data[at + length : at + length + min(size, _HEADER)]
        if not unit:
            break
        units.append(unit)
        if unit[0] & 31 in (_SLICE, _KEY_SLICE):
            break
        at += length + size
    return units


class _Bits:
    """Reads numbers of a unit, whose escapes are taken out. IndexError at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | (self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1)
            self._at += 1
        return value

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise IndexError
        return (1 << zeros) - 1 + self.take(zeros)
