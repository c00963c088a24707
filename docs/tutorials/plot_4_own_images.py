"""
Your own images
===============

Four arrays in one file are a data set: ``x_train``, ``y_train``, ``x_test``, ``y_test``. We draw
the letters A to J in the typefaces that come with matplotlib, train on some of the faces, and ask
the network to read letters of faces that it has never seen.
"""

# %%
# Four arrays
# -----------
# Images are grey levels, whole numbers from 0 to 255 or floats from 0 to 1, of shape (n, rows,
# columns); labels are whole numbers from 0 on. Here each letter of each face is drawn in nine
# places, a pixel apart.

import tempfile
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import synfire_bp as sb

SIDE, LETTERS = 12, "ABCDEFGHIJ"
fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
families = ("DejaVuSans*", "DejaVuSerif*", "STIXGeneral*", "cmr10*", "cmss10*", "cmtt10*", "cmb10*")
faces = sorted(
    file
    for family in families
    for file in fonts.glob(f"{family}.ttf")
    if "Display" not in file.stem
)


def letter(face, character, right, down):
    """Return a letter as grey levels, array (SIDE, SIDE), white on black."""
    image = Image.new("L", (SIDE, SIDE))
    font = ImageFont.truetype(str(face), 13)
    centre = (SIDE / 2 + right, SIDE / 2 + down)
    ImageDraw.Draw(image).text(centre, character, fill=255, font=font, anchor="mm")
    return np.asarray(image)


def letters(chosen):
    """Return images (n, SIDE, SIDE) and labels (n,) of all letters in some faces."""
    moves = (-1, 0, 1)
    images = [
        letter(face, character, right, down)
        for face in chosen
        for character in LETTERS
        for right in moves
        for down in moves
    ]
    labels = np.tile(np.repeat(np.arange(len(LETTERS)), len(moves) ** 2), len(chosen))
    return np.array(images), labels


unseen = faces[2::4]
x_train, y_train = letters([face for face in faces if face not in unseen])
x_test, y_test = letters(unseen)

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
np.savez(folder / "letters.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
print(f"{len(faces)} faces; not seen in training: {', '.join(face.stem for face in unseen)}")

# %%
# What the network sees
# ---------------------
# The circuit has binary inputs: a pixel is on if it is brighter than ``dataset.threshold``, a
# fraction of full brightness. Look at what that makes of your images before you train: a
# threshold too high breaks the thin strokes. ``dataset.crop`` and ``dataset.shrink`` cut off a
# border and merge pixels.

text = """
name: letters
description: Letters of some typefaces.
dataset: {name: npz, path: letters.npz, threshold: 0.4}
network: {sizes: [144, 60, 10]}
training: {epochs: 30}
record: {samples: 0}
"""
(folder / "letters.yaml").write_text(text)
experiment = sb.Experiment.from_file(folder / "letters.yaml")

some = np.arange(0, 90, 9)  # the first test face
figure, rows = plt.subplots(3, 10, figsize=(7.2, 2.5), layout="constrained")
for panels, threshold in zip(rows, (None, 0.4, 0.7), strict=True):
    shown = x_test
    if threshold is not None:
        preprocessing = sb.Preprocessing(threshold=threshold)
        data = sb.load_dataset("npz", path=folder / "letters.npz", preprocessing=preprocessing)
        shown = data.test.inputs.reshape(x_test.shape)
    for axes, number in zip(panels, some, strict=True):
        axes.imshow(shown[number], cmap="gray")
        axes.set(xticks=[], yticks=[])
    panels[0].set_ylabel("grey" if threshold is None else f"on above\n{threshold}")
plt.show()

# %%
# Train
# -----
# The model file above is all that a training needs; ``synfire-bp train letters.yaml`` does the
# same. The oracle, the algorithm in integers, is done in seconds; ``engine="circuit"`` trains the
# spiking circuit, which arrives at the same weights.

run = sb.train(experiment, engine="oracle", out=folder / "run")
data = sb.load_dataset(
    "npz", path=folder / "letters.npz", preprocessing=sb.Preprocessing(threshold=0.4)
)
samples = sb.oracle.Samples.of(data.test.inputs, data.test.labels, len(LETTERS))
potentials = sb.oracle.answer(samples, (run.weights["w1"], run.weights["w2"])).potentials
answers = potentials.argmax(axis=1)
print(run)

# %%
# Who was mistaken
# ----------------

figure = plt.figure(figsize=(7.2, 5.6), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1.25, 1))
left, right = above.subplots(1, 2)
metrics = run.metrics
styles = {
    ("train", "accuracy_spikes"): ("#0173b2", "--", "training, by spikes"),
    ("test", "accuracy_spikes"): ("#d55e00", "--", "test, by spikes"),
    ("test", "accuracy_potential"): ("#d55e00", "-", "test, by potential"),
}
for (split, column), (colour, line, label) in styles.items():
    rows = metrics[metrics.split == split]
    left.plot(rows.epoch, 100 * rows[column], color=colour, ls=line, label=label)
left.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(0, 101))
left.legend(loc="lower right", frameon=False)

confusion = np.zeros((10, 10), dtype=int)
np.add.at(confusion, (y_test, answers), 1)
drawn = right.imshow(
    100 * confusion / confusion.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=100
)
right.set(xlabel="answer (highest potential)", ylabel="letter shown")
right.set_xticks(range(10), LETTERS)
right.set_yticks(range(10), LETTERS)
above.colorbar(drawn, ax=right, label="images of the letter (%)")

wrong = np.flatnonzero(answers != y_test)
picked = wrong[np.linspace(0, len(wrong) - 1, min(20, len(wrong))).astype(int)]
for axes in (grid := below.subplots(2, 10)).flat:
    axes.axis("off")
for axes, number in zip(grid.flat, picked, strict=False):
    axes.imshow(data.test.inputs[number].reshape(SIDE, SIDE), cmap="gray")
    axes.set_title(f"{LETTERS[y_test[number]]}, read {LETTERS[answers[number]]}", fontsize=8)
below.suptitle(
    f"{len(wrong)} of {len(y_test):,} letters were read wrongly; some of them", fontsize=10
)
plt.show()

# %%
# The letters of the training faces are learnt, those of unseen faces mostly: the matrix shows
# which letters are taken for which others. More faces, or ``dataset.augment`` with shifted
# images, would help.
#
# A data set that is made by a function, or comes from the web, can be a plug-in of its own:
# :doc:`/extending`. What one needs to know of data is also in ``synfire-bp schema``, section
# ``dataset``.
