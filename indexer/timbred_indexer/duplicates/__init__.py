"""Which sounds are the same audio: fingerprints find pairs, the audio itself decides."""
