"""Bytes with a few things wrong, as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """`content` with up to three places changed, cut off, left out, put in, or taken twice."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["change", "cut", "leave out", "put in", "repeat"]))
        at = draw(st.integers(0, max(len(changed) - 1, 0)))
        some = draw(st.integers(1, 40))
        if kind == "change":
            changed[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
        elif kind == "cut":
            del changed[at:]
        elif kind == "leave out":
            del changed[at : at + some]
        elif kind == "put in":
            changed[at:at] = draw(st.binary(min_size=1, max_size=40) | st.sampled_from(WORDS))
        else:
            changed[at:at] = changed[at : at + some]
    return bytes(changed)


WORDS = (b"\n", b'"', b";", b",,", b"\0", b"nan", b"-1", b"1e999", b"9" * 5000, b"\xff\xfe", "\u0663".encode(), b"../")
"""What parsers trip over."""
