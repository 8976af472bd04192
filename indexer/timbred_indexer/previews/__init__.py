"""What is shown and played of a sound: its waveform, and WAV for what browsers cannot play; made by workers."""
