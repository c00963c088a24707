"""Images of 6 x 6 pixels with a stripe that lies or stands: twelve classes."""

import numpy as np

import synfire_bp as sb


@sb.dataset("stripes", threshold=0.5)
def stripes():
    """Stripes that lie or stand, with noise; 12 classes."""
    rng = np.random.default_rng(0)
    sets = []
    for n in (240, 60):
        labels = np.arange(n) % 12
        images = (rng.random((n, 6, 6)) < 0.1).astype(np.uint8) * 255
        for image, label in zip(images, labels, strict=True):
            if label < 6:
                image[label] = 255
            else:
                image[:, label - 6] = 255
        sets += [images, labels]
    return tuple(sets)
