"""The numbers of the analysis: a change here changes vectors, and so the version. Standard library only."""

from __future__ import annotations

from typing import Final

ALGORITHM: Final = 1
"""Raised by hand when the arithmetic changes without any number below changing."""

ANALYSIS_RATE: Final = 22_050
"""Hz. Covers what tells samples apart, at half the cost of 44.1 kHz."""

N_FFT: Final = 1024
"""Samples a frame: 46 ms, the shortest frame that leaves every contrast band at least a handful of bins."""

HOP: Final = 256
"""Samples between frames: 12 ms, so that an attack and its decay fall into different frames."""

N_MELS: Final = 64
"""Mel bands: at this frame length more would leave the lowest ones without a bin."""

N_MFCC: Final = 20
N_CONTRAST_BANDS: Final = 6
CONTRAST_FMIN: Final = 200.0
CONTRAST_QUANTILE: Final = 0.02
CONTRAST_STEP: Final = 2
"""Contrast sorts every bin, the costliest step of all: every second frame says the same."""

TOP_DB: Final = 45.0
"""Dynamic range kept below the loudest mel band, in dB. librosa's default of 80 lets the noise floor of a recording or
of a lossy codec speak as loudly as the sound; 45 is where an 8-bit file still sounds like itself."""

WINDOW: Final = 10.0
"""Seconds: a longer sound is cut into windows of this length."""

SHORTEST_REMAINDER: Final = 5.0
"""Seconds: a shorter remainder is covered by moving the last window back."""

TRIM_DB: Final = 60.0
"""Silence at the ends is what stays this far below the sound's peak."""

KERNEL_WIDTH: Final = 1.5
"""Standard deviations apart at which two values of a few-dimensional aspect count as 0.61 alike."""

KERNEL_NODES: Final = 5
"""Frequencies of the kernel feature map; with these it is within 0.04 of the Gaussian up to twice ``CLIP`` apart."""

ANCHOR: Final = 0.5
"""A constant beside each standardised block, times the root of its length: two average sounds are alike, not
undefined."""

CLIP: Final = 3.0
"""Standard deviations at which a standardised value stops counting, so that one odd value cannot own a block."""

ZERO: Final = 0.01
"""What counts as zero for zero crossings, the peak being 1: dither and the ringing of a codec cross it all the time."""

TEMPO_HOPS: Final = 2
"""Frames of the onset envelope averaged before the tempo is sought: a quarter of the work, and the grid of
librosa's default hop."""

ENVELOPE_HOP: Final = 64
"""Samples per step of the amplitude envelope (2.9 ms): attacks are shorter than an STFT frame."""

SHORTEST_RHYTHM: Final = 1.0
"""Seconds: two beats at 120 BPM; a shorter sound has no tempo."""

DECAY_DB: Final = 20.0
"""A sound has decayed when its envelope stays this far below its peak."""

BLUR: Final = 0.005
"""Seconds added to times before their logarithm: a millisecond more or less of a click's attack is not heard."""

HELD_SECONDS: Final = 60.0
"""5 MB. A longer sound is trimmed against the loudest sample so far."""

DIGITAL_SILENCE: Final = 1e-7
"""Peak below one step of 24 bits: nothing a converter recorded."""

FLOOR_DB: Final = 40.0
"""dB under the loudest band at which the shapes fade into their floor: what 8 bits leave of a sound."""

ONSET_DB: Final = 15.0
"""A sound begins where its energy first comes this near to its maximum: above the pre-echo of a codec's blocks."""

END_DB: Final = 32.0
"""It ends where its energy was last this near: a tail that 8 bits or a fade would cut is not part of its length."""

CONSTANT: Final = 1e-3
"""What varies less than this share of its level is a constant: there is nothing else to describe."""

SHAPE_BANDS: Final = 14
SHAPE_TIMES: Final = 7
"""Low coefficients kept of the 2-D DCT of a log-mel shape, along frequency and along time."""

N_HARMONICS: Final = 16

MIDDLE_C: Final = 261.63
"""Hz: octaves are counted from here."""
