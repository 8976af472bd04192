"""What timbred knows about sounds: scanning, decoding, descriptors, storage, index, search."""
