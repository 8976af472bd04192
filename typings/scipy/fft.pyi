"""What timbred uses of scipy.fft; the precision of the input is kept."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def rfft(
    x: NDArray[np.floating[Any]], n: int | None = None, axis: int = -1, *, overwrite_x: bool = False
) -> NDArray[np.complex64]: ...
def irfft(x: NDArray[Any], n: int | None = None, axis: int = -1) -> NDArray[np.float32]: ...
def dct(
    x: NDArray[np.floating[Any]], type: int = 2, *, axis: int = -1, norm: str | None = None
) -> NDArray[np.float32]: ...
def next_fast_len(target: int, real: bool = False) -> int: ...
