"""An unexpected exception, without its words: they may quote the personal data that it stumbled over."""

import traceback
from pathlib import Path


def place_of(fault: BaseException) -> str:
    """Its type, where it was raised, and where our code called what raised it: `KeyError at a.py:3`."""
    frames = traceback.extract_tb(fault.__traceback__)
    if not frames:
        return type(fault).__name__
    ours = [frame for frame in frames if "mailworker" in Path(frame.filename).parts]
    lines = dict.fromkeys(f"{Path(frame.filename).name}:{frame.lineno}" for frame in (frames[-1], *ours[-1:]))
    return f"{type(fault).__name__} at {', called from '.join(lines)}"
