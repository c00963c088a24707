"""Data sets: what is read, what is refused, and what is said about it.

Files are written here byte by byte, and downloads come from a server on this machine.  Only the
tests marked so need the real MNIST, in the folder that SYNFIRE_BP_DATA names.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import struct
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.data import (
    DEFAULT_PREPROCESSING,
    Images,
    Preprocessing,
    binarise,
    check_fits,
    datasets,
    digits,
    idx,
    load_dataset,
)
from synfire_bp.data.datasets import Split
from synfire_bp.data.idx import RemoteFile
from synfire_bp.data.published import COLLECTIONS, Collection
from synfire_bp.errors import DatasetError
from synfire_bp.registry import Registry

REAL_FOLDER = os.environ.get("SYNFIRE_BP_DATA")
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"
NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def idx_bytes(array):
    """Write an IDX file as its format says, with nothing of the code under test."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def md5(data):
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class Published:
    """A small data set of random images, as if it had been published: what a test may put out."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.arrays = {
            TRAIN_IMAGES: rng.integers(0, 256, (6, 28, 28)).astype(np.uint8),
            TRAIN_LABELS: np.array([5, 0, 4, 1, 9, 2], np.uint8),
            TEST_IMAGES: rng.integers(0, 256, (4, 28, 28)).astype(np.uint8),
            TEST_LABELS: np.array([7, 2, 1, 0], np.uint8),
        }
        self.content = {name: idx_bytes(array) for name, array in self.arrays.items()}
        self.zipped = {name: gzip.compress(data, mtime=0) for name, data in self.content.items()}

    def collection(self, facts):
        return Collection(
            "http://127.0.0.1:9/",  # a port on which nobody listens
            *(RemoteFile(name, self.arrays[name].shape, **facts(name)) for name in NAMES),
        )

    def mnist_facts(self, name):
        known = {"content_md5": md5(self.content[name])}
        if name != TRAIN_IMAGES:
            known["gzip_sha256"] = hashlib.sha256(self.zipped[name]).hexdigest()
        return known

    def fashion_facts(self, name):
        return {"gzip_md5": md5(self.zipped[name])}

    def put(self, folder):
        """Write all four files."""
        folder.mkdir(parents=True)
        for name in NAMES:
            (folder / name).write_bytes(self.zipped[name])
        return folder


@pytest.fixture(autouse=True)
def _no_outside(monkeypatch, tmp_path):
    """Keep each test from the machine's own data, cache and proxies."""
    monkeypatch.delenv("SYNFIRE_BP_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("synfire_bp.data.published.cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def published(monkeypatch):
    small = Published()
    monkeypatch.setitem(COLLECTIONS, "mnist", small.collection(small.mnist_facts))
    monkeypatch.setitem(COLLECTIONS, "fashion-mnist", small.collection(small.fashion_facts))
    return small


@pytest.fixture
def real_mnist():
    if not REAL_FOLDER:
        pytest.skip("SYNFIRE_BP_DATA is not set: no real MNIST to test with")
    return Path(REAL_FOLDER)


class Server:
    """A web server on this machine; `files` is what it has, `requested` what it was asked for."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.cut: dict[str, int] = {}  # file name -> bytes after which the connection breaks
        self.requested: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[2]
                outer.requested.append(name)
                if name not in outer.files:
                    self.send_error(404)
                    return
                data = outer.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: outer.cut.get(name, len(data))])

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/some/folder/"


@pytest.fixture
def server(published):
    running = Server()
    running.files = dict(published.zipped)
    thread = threading.Thread(target=running.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.http.shutdown()
    running.http.server_close()
    thread.join()


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(call, *fragments):
    """Require a DatasetError whose message holds every fragment; return the message."""
    with pytest.raises(DatasetError) as caught:
        call()
    message = str(caught.value)
    for fragment in fragments:
        assert str(fragment) in message
    return message


# ---------------------------------------------------------------- preprocessing


@given(st.floats(-0.1, 1.2) | st.integers(0, 101).map(lambda percent: percent / 100))
def test_every_grey_level_is_switched_by_the_paper_s_literal_formula(threshold):
    levels = np.arange(256, dtype=np.uint8)
    on = binarise(levels, DEFAULT_PREPROCESSING["mnist"].scale, threshold)
    assert on.tolist() == [int(round(p / 255 / 255 * 256, 2) > threshold) for p in range(256)]


def test_the_default_threshold_switches_on_from_grey_level_129():
    default = DEFAULT_PREPROCESSING["mnist"]
    on = binarise(np.arange(256, dtype=np.uint8), default.scale, default.threshold)
    assert on.tolist() == [0] * 129 + [1] * 127


def test_floating_images_are_switched_as_bytes_are():
    levels = np.arange(256, dtype=np.uint8).reshape(2, 128)
    scale = DEFAULT_PREPROCESSING["mnist"].scale
    as_bytes = binarise(levels, scale, 0.4)
    assert (binarise(levels.astype(np.float32), scale, 0.4) == as_bytes).all()


def test_many_floating_images_are_switched_part_by_part_without_a_seam():
    images = np.random.default_rng(1).random((9000, 3))
    expected = [[int(round(p, 2) > 0.5) for p in image] for image in images.tolist()]
    assert binarise(images, 1.0, 0.5).tolist() == expected


@pytest.mark.parametrize(
    ("fields", "fragments"),
    [
        ({"crop": -1}, ("crop", "-1", "0 or more")),
        ({"crop": 1.5}, ("crop", "1.5", "whole")),
        ({"threshold": float("nan")}, ("threshold", "nan", "finite")),
        ({"threshold": float("inf")}, ("threshold", "inf", "finite")),
        ({"threshold": "half"}, ("threshold", "half", "finite")),
        ({"scale": 0.0}, ("scale", "0.0", "above 0")),
        ({"scale": float("nan")}, ("scale", "nan", "finite")),
    ],
)
def test_preprocessing_that_makes_no_sense_is_refused(fields, fragments):
    refused(lambda: Preprocessing(**fields), *fragments)


# ---------------------------------------------------------------- names


def test_an_unknown_name_is_answered_with_the_nearest_known():
    refused(
        lambda: load_dataset("fashion_mnist"), "'fashion_mnist'", "did you mean 'fashion-mnist'"
    )
    refused(lambda: load_dataset("MNIST"), "did you mean 'mnist'")
    refused(lambda: datasets.fetch("minst"), "did you mean 'mnist'")
    refused(lambda: datasets.check("digit"), "did you mean 'digits'")


def test_a_name_like_no_other_is_answered_with_all_known():
    message = refused(lambda: load_dataset("xyz"), "digits, mnist, fashion-mnist, npz")
    assert "did you mean" not in message


def test_a_path_is_for_npz_and_npz_needs_one():
    refused(lambda: load_dataset("npz"), "'npz'", "path")
    refused(lambda: load_dataset("digits", path="mine.npz"), "'digits'", "mine.npz")


class Stripes(datasets.Source):
    """Two images of 2 x 2 pixels, in place of a data set that somebody adds."""

    def read(self, data_dir, path, quiet):
        images = np.array([[[9, 0], [9, 0]], [[0, 9], [0, 9]]], np.uint8)
        labels = np.array([0, 1])
        return Images(self.name, "nowhere", images, labels, images, labels, 2, {})

    def status(self, data_dir):
        return datasets.DatasetStatus(self.name, "here", "bundled", "needs no file")


def test_a_data_set_in_the_table_of_sources_is_known_everywhere(monkeypatch):
    stripes = Stripes("stripes", Preprocessing(scale=1 / 9, threshold=0.5))
    monkeypatch.setattr(datasets, "SOURCES", Registry("data set"))
    datasets.SOURCES.register("stripes", stripes)
    data = load_dataset("stripes")
    assert data.train.inputs.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    assert data.preprocessing == stripes.preprocessing
    assert states()["stripes"] == "bundled"
    assert datasets.fetch("stripes") == datasets.check("stripes") == []
    refused(lambda: load_dataset("stripe"), "did you mean 'stripes'")


# ---------------------------------------------------------------- digits


def test_every_fifth_of_the_digits_is_kept_for_testing():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    bunch = sklearn_datasets.load_digits()
    # 8/16 is off and 9/16 on, with a threshold of 0.5
    samples = list(zip((bunch.data >= 9).astype(int).tolist(), bunch.target, strict=True))
    test = samples[4::5]
    train = [sample for k, sample in enumerate(samples) if k not in range(4, len(samples), 5)]
    assert (len(train), len(test)) == (1438, 359)
    half = Preprocessing(scale=1 / 16, threshold=0.5)
    data = load_dataset("digits", preprocessing=half)
    assert data.test.inputs.tolist() == [row for row, _ in test]
    assert data.test.labels.tolist() == [label for _, label in test]
    assert data.train.inputs.tolist() == [row for row, _ in train]
    assert data.train.labels.tolist() == [label for _, label in train]


def test_digits_come_as_the_circuit_wants_them():
    data = load_dataset("digits")
    assert (data.name, data.image_shape, data.n_in, data.n_classes) == ("digits", (8, 8), 64, 10)
    for split in (data.train, data.test):
        assert split.inputs.dtype == np.uint8
        assert split.inputs.flags.c_contiguous
        assert set(np.unique(split.inputs)) == {0, 1}
        assert split.labels.dtype == np.int64
        assert set(split.labels) == set(range(10))


def test_a_crop_that_is_not_given_a_scale_keeps_that_of_the_data_set():
    data = load_dataset("digits", preprocessing=Preprocessing(crop=1, threshold=0.25))
    assert data.preprocessing == Preprocessing(crop=1, scale=1 / 16, threshold=0.25)
    assert (data.image_shape, data.n_in) == ((6, 6), 36)


@pytest.mark.parametrize("crop", [4, 5, 100])
def test_a_crop_that_leaves_nothing_is_refused(crop):
    refused(
        lambda: load_dataset("digits", preprocessing=Preprocessing(crop=crop)),
        f"crop = {crop}",
        "8 x 8",
        "at most 3",
    )


def test_a_threshold_that_no_pixel_exceeds_is_refused():
    refused(
        lambda: load_dataset("digits", preprocessing=Preprocessing(threshold=1.0)),
        "no pixel",
        "threshold 1",
        "largest value is 16",
    )


# ---------------------------------------------------------------- MNIST from a folder


def test_images_are_cropped_and_switched_and_labels_kept(published, tmp_path):
    published.put(tmp_path / "mnist")
    data = load_dataset("mnist", tmp_path)
    assert (data.image_shape, data.n_in, data.n_classes) == ((20, 20), 400, 10)
    for split, images, labels in (
        (data.train, TRAIN_IMAGES, TRAIN_LABELS),
        (data.test, TEST_IMAGES, TEST_LABELS),
    ):
        expected = [
            [int(image[row][column] >= 129) for row in range(4, 24) for column in range(4, 24)]
            for image in published.arrays[images].tolist()
        ]
        assert split.inputs.tolist() == expected
        assert split.inputs.flags.c_contiguous
        assert split.labels.tolist() == published.arrays[labels].tolist()
        assert split.labels.dtype == np.int64


def test_fashion_mnist_is_not_cropped(published, tmp_path):
    published.put(tmp_path / "fashion-mnist")
    data = load_dataset("fashion-mnist", tmp_path)
    assert (data.image_shape, data.n_in) == ((28, 28), 784)
    images = published.arrays[TEST_IMAGES]
    assert data.test.inputs.tolist() == (images.reshape(4, 784) >= 129).astype(int).tolist()


def test_single_fields_of_the_default_can_be_changed(published, tmp_path):
    published.put(tmp_path / "mnist")
    wanted = replace(DEFAULT_PREPROCESSING["mnist"], crop=2)
    data = load_dataset("mnist", tmp_path, preprocessing=wanted)
    assert data.n_in == 24 * 24
    assert data.preprocessing.threshold == 0.5


def test_the_variable_names_the_folder_and_an_argument_goes_before_it(
    published, tmp_path, monkeypatch
):
    published.put(tmp_path / "good" / "mnist")
    monkeypatch.setenv("SYNFIRE_BP_DATA", str(tmp_path / "good"))
    assert len(load_dataset("mnist").train) == 6
    refused(lambda: load_dataset("mnist", tmp_path / "other"), tmp_path / "other" / "mnist")
    monkeypatch.setenv("SYNFIRE_BP_DATA", str(tmp_path / "other"))
    assert len(load_dataset("mnist", tmp_path / "good").train) == 6


def test_checksums_tell_what_was_read(published, tmp_path):
    for name in ("mnist", "fashion-mnist"):
        published.put(tmp_path / name)
    unzipped = {name.removesuffix(".gz"): data for name, data in published.content.items()}
    assert load_dataset("mnist", tmp_path).checksums == {
        name: f"md5:{md5(data)}" for name, data in unzipped.items()
    }
    assert load_dataset("fashion-mnist", tmp_path).checksums == {
        name: f"md5:{md5(data)}" for name, data in published.zipped.items()
    }


def test_mnist_compressed_anew_is_as_good(published, tmp_path):
    folder = published.put(tmp_path / "mnist")
    anew = gzip.compress(published.content[TRAIN_LABELS], compresslevel=0, mtime=7)
    assert anew != published.zipped[TRAIN_LABELS]
    (folder / TRAIN_LABELS).write_bytes(anew)
    assert len(load_dataset("mnist", tmp_path).train) == 6


def test_fashion_mnist_compressed_anew_is_refused_and_the_message_says_why(published, tmp_path):
    folder = published.put(tmp_path / "fashion-mnist")
    anew = gzip.compress(published.content[TRAIN_LABELS], compresslevel=0, mtime=7)
    (folder / TRAIN_LABELS).write_bytes(anew)
    refused(
        lambda: load_dataset("fashion-mnist", tmp_path),
        folder / TRAIN_LABELS,
        "MD5 of the gzip file (that of the content is not known)",
        md5(anew),
        md5(published.zipped[TRAIN_LABELS]),
    )


def test_a_missing_file_is_named_and_nothing_is_downloaded_instead(
    published, tmp_path, monkeypatch, server
):
    served = replace(COLLECTIONS["mnist"], url=server.url)
    monkeypatch.setitem(COLLECTIONS, "mnist", served)
    folder = published.put(tmp_path / "data" / "mnist")
    (folder / TEST_LABELS).unlink()
    command = "synfire_bp.data.fetch('mnist')"
    refused(
        lambda: load_dataset("mnist", tmp_path / "data"), folder / TEST_LABELS, "data_dir", command
    )
    monkeypatch.setenv("SYNFIRE_BP_DATA", str(tmp_path / "data"))
    refused(lambda: load_dataset("mnist"), folder / TEST_LABELS, "SYNFIRE_BP_DATA", command)
    assert server.requested == []
    assert not (tmp_path / "cache").exists()


def test_a_truncated_file_is_named(published, tmp_path):
    folder = published.put(tmp_path / "mnist")
    whole = published.zipped[TRAIN_IMAGES]
    (folder / TRAIN_IMAGES).write_bytes(whole[: len(whole) // 2])
    refused(
        lambda: load_dataset("mnist", tmp_path),
        folder / TRAIN_IMAGES,
        "truncated",
        f"{len(whole) // 2} bytes",
        "synfire_bp.data.fetch('mnist')",
    )


def test_a_file_that_is_no_gzip_file_is_named(published, tmp_path):
    folder = published.put(tmp_path / "mnist")
    (folder / TEST_IMAGES).write_bytes(b"<html>Sign in to use this network</html>")
    refused(lambda: load_dataset("mnist", tmp_path), folder / TEST_IMAGES, "gzip")


def test_a_file_that_cannot_be_read_is_named(published, tmp_path, monkeypatch):
    folder = published.put(tmp_path / "mnist")
    read = idx.read_whole

    def forbidden(path):
        if path.name == TEST_IMAGES:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(idx, "read_whole", forbidden)
    refused(lambda: load_dataset("mnist", tmp_path), folder / TEST_IMAGES, "Permission denied")


LABELS = np.array([5, 0, 4, 1, 9, 2], np.uint8)


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        (b"", ("magic number missing", "expected 00000801")),
        (b"\0\0", ("magic number 0000", "expected 00000801")),
        (b"\0\0\x08\x01\0\0", ("header of 6 bytes", "expected 8")),
        (b"\0\0\x08\x03" + idx_bytes(LABELS)[4:], ("magic number 00000803", "00000801")),
        (idx_bytes(LABELS)[:-1], ("5 values", "expected 6 = 6")),
        (idx_bytes(LABELS) + b"\0", ("7 values", "expected 6 = 6")),
        (idx_bytes(LABELS[:5]), ("holds 5 values", "expected 6")),
        (idx_bytes(LABELS[::-1].copy()), ("altered", md5(idx_bytes(LABELS)))),
    ],
)
def test_a_label_file_that_is_not_the_published_one_is_named_with_what_is_wrong(
    published, tmp_path, content, fragments
):
    folder = published.put(tmp_path / "mnist")
    (folder / TRAIN_LABELS).write_bytes(gzip.compress(content))
    refused(lambda: load_dataset("mnist", tmp_path), folder / TRAIN_LABELS, *fragments)


def test_images_of_another_count_or_shape_are_refused(published, tmp_path):
    folder = published.put(tmp_path / "mnist")
    for shape in ((5, 28, 28), (6, 14, 56)):
        (folder / TRAIN_IMAGES).write_bytes(gzip.compress(idx_bytes(np.zeros(shape, np.uint8))))
        refused(
            lambda: load_dataset("mnist", tmp_path),
            folder / TRAIN_IMAGES,
            "holds " + " x ".join(map(str, shape)),
            "expected 6 x 28 x 28",
        )


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_no_flipped_bit_alters_labels_or_ends_in_another_error(published, tmp_path, name):
    folder = published.put(tmp_path / name)
    whole = published.zipped[TRAIN_LABELS]
    n_refused = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        (folder / TRAIN_LABELS).write_bytes(bytes(damaged))
        try:
            data = load_dataset(name, tmp_path)
        except DatasetError as error:
            assert str(folder / TRAIN_LABELS) in str(error)
            n_refused += 1
        else:  # time, system and padding of the gzip wrapper mean nothing to MNIST
            assert data.train.labels.tolist() == published.arrays[TRAIN_LABELS].tolist()
    assert n_refused >= len(whole) - (10 if name == "mnist" else 0)


# ---------------------------------------------------------------- downloads


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_fetch_puts_the_files_into_the_cache_from_where_they_are_loaded(
    published, tmp_path, server, name
):
    paths = datasets.fetch(name, quiet=True, base_url=server.url)
    assert paths == [tmp_path / "cache" / name / file for file in NAMES]
    assert [path.read_bytes() for path in paths] == [published.zipped[file] for file in NAMES]
    assert sorted(os.listdir(tmp_path / "cache" / name)) == sorted(NAMES)
    assert len(load_dataset(name).train) == 6
    assert server.requested == list(NAMES)


def test_files_that_are_there_and_whole_are_not_downloaded_again(published, tmp_path, server):
    folder = published.put(tmp_path / "mnist")
    (folder / TRAIN_IMAGES).write_bytes(b"damaged")
    (folder / TEST_LABELS).unlink()
    datasets.fetch("mnist", tmp_path, quiet=True, base_url=server.url)
    assert server.requested == [TRAIN_IMAGES, TEST_LABELS]
    assert (folder / TRAIN_IMAGES).read_bytes() == published.zipped[TRAIN_IMAGES]
    datasets.fetch("mnist", tmp_path, quiet=True, base_url=server.url)
    assert len(server.requested) == 2


def test_load_downloads_into_the_cache_if_no_folder_is_named(
    published, tmp_path, server, monkeypatch
):
    served = replace(COLLECTIONS["mnist"], url=server.url)
    monkeypatch.setitem(COLLECTIONS, "mnist", served)
    assert len(load_dataset("mnist").test) == 4
    assert len(load_dataset("mnist").test) == 4
    assert server.requested == list(NAMES)


def test_fetch_leaves_the_folder_of_the_variable_alone(published, tmp_path, server, monkeypatch):
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("SYNFIRE_BP_DATA", str(tmp_path / "shared"))
    datasets.fetch("mnist", quiet=True, base_url=server.url)
    assert everything_in(tmp_path / "shared") == []
    assert (tmp_path / "cache" / "mnist" / TRAIN_IMAGES).is_file()


def test_a_damaged_file_in_the_cache_is_an_error_and_fetch_mends_it(published, tmp_path, server):
    folder = published.put(tmp_path / "cache" / "mnist")
    (folder / TEST_IMAGES).write_bytes(published.zipped[TRAIN_IMAGES])
    refused(lambda: load_dataset("mnist"), folder / TEST_IMAGES, "synfire_bp.data.fetch('mnist')")
    datasets.fetch("mnist", quiet=True, base_url=server.url)
    assert len(load_dataset("mnist").test) == 4


def test_without_network_the_error_names_the_address_and_a_way_out(published, tmp_path):
    refused(
        lambda: load_dataset("mnist"),
        f"http://127.0.0.1:9/{TRAIN_IMAGES}",
        "Check the network",
        "SYNFIRE_BP_DATA=DIR",
    )
    assert everything_in(tmp_path) == []


def test_a_file_that_the_server_does_not_have_is_named(tmp_path, server):
    del server.files[TRAIN_IMAGES]
    refused(
        lambda: datasets.fetch("mnist", tmp_path / "a" / "b", quiet=True, base_url=server.url),
        server.url + TRAIN_IMAGES,
        "404",
    )
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("file", [TRAIN_IMAGES, TRAIN_LABELS])
def test_a_download_that_breaks_off_leaves_nothing_of_the_file(tmp_path, server, name, file):
    server.cut[file] = len(server.files[file]) // 2
    refused(
        lambda: datasets.fetch(name, tmp_path, quiet=True, base_url=server.url), server.url + file
    )
    # the images come first and stay if they came in whole
    whole = [] if file == TRAIN_IMAGES else [name, f"{name}/{TRAIN_IMAGES}"]
    assert everything_in(tmp_path) == whole


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("file", [TRAIN_IMAGES, TRAIN_LABELS])
def test_a_download_of_something_else_replaces_nothing(published, tmp_path, server, name, file):
    folder = published.put(tmp_path / name)
    (folder / file).write_bytes(b"damaged before")
    for sent in (b"<html>", gzip.compress(idx_bytes(published.arrays[file] // 2))):
        server.files[file] = sent
        refused(
            lambda: datasets.fetch(name, tmp_path, quiet=True, base_url=server.url),
            server.url + file,
        )
        assert (folder / file).read_bytes() == b"damaged before"
        assert sorted(os.listdir(folder)) == sorted(NAMES)


def test_a_folder_that_cannot_be_made_is_named(published, tmp_path, server):
    (tmp_path / "taken").write_text("a file, not a folder")
    refused(
        lambda: datasets.fetch("mnist", tmp_path / "taken", quiet=True, base_url=server.url),
        tmp_path / "taken" / "mnist" / TRAIN_IMAGES,
        "cannot be written",
    )
    assert everything_in(tmp_path) == ["taken"]


def test_a_full_disk_is_an_error_and_leaves_nothing(published, tmp_path, server, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.core.shutil.move", full)
    refused(
        lambda: datasets.fetch("mnist", tmp_path / "new", quiet=True, base_url=server.url),
        "No space left on device",
    )
    assert everything_in(tmp_path) == []


def test_ctrl_c_in_a_download_leaves_nothing(published, tmp_path, server, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pooch.core.shutil.move", stop)
    with pytest.raises(KeyboardInterrupt):
        datasets.fetch("mnist", tmp_path / "new", quiet=True, base_url=server.url)
    assert everything_in(tmp_path) == []


def test_a_downloaded_file_can_be_read_by_others(published, tmp_path, server):
    (path, *_) = datasets.fetch("mnist", tmp_path, quiet=True, base_url=server.url)
    assert path.stat().st_mode & 0o044 == 0o044


def test_a_bar_is_drawn_on_a_terminal_only_and_not_if_quiet(
    published, tmp_path, server, monkeypatch, capsys
):
    monkeypatch.setenv("TERM", "xterm")

    def drawn(folder, is_terminal, quiet):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
        datasets.fetch("mnist", tmp_path / folder, quiet=quiet, base_url=server.url)
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    assert drawn("a", False, False) == ""
    assert drawn("b", True, True) == ""
    text = drawn("c", True, False)
    for name in NAMES:
        assert name in text


# ---------------------------------------------------------------- npz


def arrays_of(**changed):
    """Four arrays that make a good file, but for what is changed; None leaves a key out."""
    images = np.zeros((3, 2, 3), np.uint8)
    images[:, 1, 2] = 255
    good = {
        "x_train": images,
        "y_train": np.array([0, 1, 2]),
        "x_test": images[:2],
        "y_test": np.array([1, 0]),
    }
    return {key: value for key, value in (good | changed).items() if value is not None}


@pytest.fixture
def npz(tmp_path):
    """Write a file from `arrays_of` and load it."""

    def write_and_load(preprocessing=None, **changed):
        path = tmp_path / "mine.npz"
        np.savez(path, **arrays_of(**changed))
        return load_dataset("npz", path=path, preprocessing=preprocessing)

    return write_and_load


def test_anyone_s_images_load_as_the_circuit_wants_them(npz, tmp_path):
    data = npz()
    assert (data.name, data.image_shape, data.n_in, data.n_classes) == ("npz", (2, 3), 6, 3)
    assert data.train.inputs.tolist() == [[0, 0, 0, 0, 0, 1]] * 3
    assert data.train.inputs.dtype == np.uint8
    assert data.train.labels.dtype == np.int64
    assert (len(data.train), len(data.test)) == (3, 2)
    digest = hashlib.sha256((tmp_path / "mine.npz").read_bytes()).hexdigest()
    assert data.checksums == {"mine.npz": f"sha256:{digest}"}


def test_bytes_are_scaled_as_in_the_paper_and_fractions_are_not(npz):
    grey = np.array([[128, 129]] * 3, np.uint8)
    assert npz(x_train=grey, x_test=grey[:2]).train.inputs.tolist() == [[0, 1]] * 3
    wide = grey.astype(np.int32)
    assert npz(x_train=wide, x_test=wide[:2]).train.inputs.tolist() == [[0, 1]] * 3
    for kind in (np.float16, np.float32, np.float64):
        fractions = np.array([[0.5, 0.51]] * 3, kind)
        data = npz(x_train=fractions, x_test=fractions[:2])
        assert data.train.inputs.tolist() == [[0, 1]] * 3
        assert data.preprocessing.scale == 1.0
    switches = np.array([[False, True]] * 3)
    assert npz(x_train=switches, x_test=switches[:2]).train.inputs.tolist() == [[0, 1]] * 3


def test_flat_images_load_but_cannot_be_cropped(npz):
    flat = np.full((3, 9), 255, np.uint8)
    data = npz(x_train=flat, x_test=flat[:2])
    assert (data.image_shape, data.n_in) == ((9,), 9)
    refused(
        lambda: npz(Preprocessing(crop=1), x_train=flat, x_test=flat[:2]), "flat", "crop must be 0"
    )


def test_images_stored_column_by_column_come_out_row_by_row(npz):
    for shape in ((3, 6), (3, 2, 3)):
        images = np.array([[255, 0, 0, 255, 255, 0]] * 3, np.uint8).reshape(shape)
        by_column = np.asfortranarray(images)
        data = npz(x_train=by_column, x_test=by_column[:2])
        assert data.train.inputs.flags.c_contiguous
        assert data.train.inputs.tolist() == [[1, 0, 0, 1, 1, 0]] * 3


def test_a_crop_takes_the_middle(npz):
    image = np.arange(1, 21).reshape(1, 4, 5) * 10
    data = npz(
        Preprocessing(crop=1, scale=0.01, threshold=1.0),
        x_train=np.repeat(image, 3, 0),
        x_test=image,
        y_test=np.array([0]),
    )
    # the middle is 70 80 90 / 120 130 140
    assert data.test.inputs.tolist() == [[0, 0, 0, 1, 1, 1]]
    assert data.image_shape == (2, 3)


def test_a_given_scale_allows_any_range(npz):
    wide = np.array([[-1000, 4000]] * 3, np.int16)
    data = npz(Preprocessing(scale=1 / 4000), x_train=wide, x_test=wide[:2])
    assert data.train.inputs.tolist() == [[0, 1]] * 3


def test_classes_are_counted_over_both_splits(npz):
    assert npz(y_test=np.array([7, 0], np.uint8)).n_classes == 8


@pytest.mark.parametrize(
    ("changed", "fragments"),
    [
        ({"x_test": None, "y_test": None}, ("lacks x_test, y_test", "x_train, y_train")),
        ({"x_train": np.zeros(3)}, ("x_train", "(3,)", "(n, rows, columns) or (n, inputs)")),
        ({"x_test": np.zeros((2, 2, 3, 1))}, ("x_test", "(2, 2, 3, 1)", "(n, inputs)")),
        ({"x_test": np.zeros((0, 2, 3)), "y_test": np.zeros(0, int)}, ("x_test", "(0, 2, 3)")),
        ({"x_train": np.zeros((3, 2, 3), complex)}, ("x_train", "complex128", "real numbers")),
        ({"x_train": np.full((3, 2, 3), "a")}, ("x_train", "<U1", "real numbers")),
        ({"x_test": np.zeros((2, 3, 2), np.uint8)}, ("(2, 3)", "(3, 2)", "equal")),
        ({"x_test": np.full((2, 2, 3), np.nan)}, ("x_test", "NaN", "image 0")),
        ({"x_train": np.full((3, 2, 3), np.inf)}, ("x_train", "infinite", "image 0")),
        ({"x_test": np.full((2, 2, 3), 0.5)}, ("x_train is uint8", "x_test float64", "alike")),
        ({"x_test": np.full((2, 2, 3), 256)}, ("x_test", "256", "expected 0 to 255")),
        ({"x_train": np.full((3, 2, 3), -1)}, ("x_train", "-1", "expected 0 to 255")),
        (
            {"x_train": np.ones((3, 2, 3), np.uint8)},
            (
                "no pixel of any train",
                "value is 1",
                "for pixels of 0 and 1, set dataset.scale to 1",
            ),
        ),
        ({"y_train": np.zeros((3, 1), int)}, ("y_train", "(3, 1)", "expected (3,)")),
        ({"y_train": np.array([0, 1])}, ("y_train", "2 labels", "expected 3")),
        ({"y_test": np.array([0.0, 1.0])}, ("y_test", "float64", "integers")),
        ({"y_test": np.array([True, False])}, ("y_test", "bool", "integers")),
        ({"y_test": np.array([0, -1])}, ("y_test", "label 1 is -1")),
        ({"y_test": np.array([2**63, 0], np.uint64)}, ("y_test", f"label 0 is {2**63}")),
        ({"y_test": np.array([0, None])}, ("y_test", "not numbers")),
    ],
)
def test_arrays_that_are_no_data_set_are_named_with_what_is_wrong(
    npz, tmp_path, changed, fragments
):
    refused(lambda: npz(**changed), tmp_path / "mine.npz", *fragments)


def test_floating_images_of_grey_levels_are_refused_without_a_scale(npz):
    grey = np.full((3, 2, 3), 200.0)
    refused(lambda: npz(x_train=grey, x_test=grey[:2]), "x_train", "200.0", "expected 0 to 1")


def test_a_file_that_is_missing_or_no_npz_is_named(tmp_path):
    wanted = "x_train, y_train, x_test, y_test"
    missing = tmp_path / "missing.npz"
    refused(lambda: load_dataset("npz", path=missing), missing, "No such file", wanted)
    refused(lambda: load_dataset("npz", path=tmp_path), tmp_path, "cannot be read", wanted)
    for content in (b"", b"some text", b"PK\x03\x04"):
        other = tmp_path / "other.npz"
        other.write_bytes(content)
        refused(partial(load_dataset, "npz", path=other), other, wanted)
    single = tmp_path / "single.npy"
    np.save(single, np.zeros(3))
    refused(lambda: load_dataset("npz", path=single), single, "single array", wanted)


def test_an_npz_cut_or_damaged_anywhere_is_refused_or_read_the_same(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **arrays_of())
    whole = path.read_bytes()
    good = load_dataset("npz", path=path)
    for length in range(0, len(whole), 11):
        path.write_bytes(whole[:length])
        refused(lambda: load_dataset("npz", path=path), path)
    rng = np.random.default_rng(5)
    n_refused = 0
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            data = load_dataset("npz", path=path)
        except DatasetError:
            n_refused += 1
        else:  # the byte had no meaning, such as a time
            assert (data.train.inputs == good.train.inputs).all()
            assert (data.test.labels == good.test.labels).all()
    assert n_refused > 100


# ---------------------------------------------------------------- does it fit the model


def test_a_data_set_that_fits_passes(npz):
    check_fits(npz(), 6, 3)
    check_fits(npz(), 6, 10)


def test_inputs_of_another_number_than_the_model_s_are_refused(npz):
    refused(lambda: check_fits(npz(), 400, 3), "2 x 3 = 6 inputs", "the model has 400")


def test_the_first_label_outside_the_model_is_named(npz):
    refused(
        lambda: check_fits(npz(y_train=np.array([0, 3, 4])), 6, 3), "train label 1 is 3", "0 ... 2"
    )
    refused(lambda: check_fits(npz(y_test=np.array([0, 5])), 6, 3), "test label 1 is 5", "0 ... 2")


# ---------------------------------------------------------------- for the command line


def states(data_dir=None):
    return {status.name: status.state for status in datasets.available(data_dir)}


def test_the_list_tells_what_is_at_hand_and_where(published, tmp_path):
    assert states() == {"digits": "bundled", "mnist": "absent", "fashion-mnist": "absent"}
    published.put(tmp_path / "mnist")
    folder = published.put(tmp_path / "fashion-mnist")
    assert set(states(tmp_path).values()) == {"bundled", "present"}
    (folder / TEST_LABELS).unlink()
    fashion = next(s for s in datasets.available(tmp_path) if s.name == "fashion-mnist")
    assert (fashion.state, fashion.where) == ("incomplete", str(folder))
    assert TEST_LABELS in fashion.detail
    assert TRAIN_LABELS not in fashion.detail


def test_a_check_tells_of_each_file_whether_it_is_the_published_one(published, tmp_path):
    folder = published.put(tmp_path / "mnist")
    assert [found.ok for found in datasets.check("mnist", tmp_path)] == [True] * 4
    (folder / TRAIN_LABELS).write_bytes(published.zipped[TEST_LABELS])
    (folder / TEST_IMAGES).unlink()
    found = datasets.check("mnist", tmp_path)
    assert [one.file for one in found] == [str(folder / name) for name in NAMES]
    assert [one.ok for one in found] == [True, False, False, True]
    assert md5(published.content[TRAIN_IMAGES]) in found[0].detail
    assert "expected 6" in found[1].detail
    assert found[2].detail == "missing"


def test_the_bundled_digits_are_those_that_were_known(monkeypatch):
    (found,) = datasets.check("digits")
    assert found.ok
    monkeypatch.setattr(digits, "DIGITS_SHA256", "0" * 64)
    (found,) = datasets.check("digits")
    assert not found.ok
    assert "0" * 64 in found.detail


def test_there_is_nothing_to_fetch_for_digits_nor_for_one_s_own_file():
    assert datasets.fetch("digits") == []
    refused(lambda: datasets.fetch("npz"), "nothing to fetch")
    refused(lambda: datasets.check("npz"), "whenever it is loaded")


# ---------------------------------------------------------------- the real MNIST


@pytest.mark.mnist
def test_the_real_mnist_is_read_whole_and_in_file_order(real_mnist):
    data = load_dataset("mnist", real_mnist)
    # class counts as published with the data set
    assert np.bincount(data.train.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(data.test.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert data.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert (data.train.inputs.shape, data.test.inputs.shape) == ((60_000, 400), (10_000, 400))
    check_fits(data, 400, 10)
    with gzip.open(real_mnist / "mnist" / TRAIN_IMAGES) as stream:
        stream.seek(16 + 41_000 * 784)
        image = stream.read(784)
    assert data.train.inputs[41_000].tolist() == [
        int(image[28 * row + column] >= 129) for row in range(4, 24) for column in range(4, 24)
    ]


@pytest.mark.mnist
def test_the_real_mnist_passes_its_check(real_mnist):
    assert [found.ok for found in datasets.check("mnist", real_mnist)] == [True] * 4


@pytest.mark.mnist
def test_the_real_mnist_loads_in_well_under_a_second_and_a_half(real_mnist):
    start = time.process_time()
    load_dataset("mnist", real_mnist)
    assert time.process_time() - start < 1.5


@pytest.mark.mnist
def test_the_real_mnist_can_be_cut_otherwise(real_mnist):
    data = load_dataset("mnist", real_mnist, preprocessing=Preprocessing(threshold=0.2))
    assert data.n_in == 784
    assert data.train.inputs.mean() > 0.15


# ---------------------------------------------------------------- what is no file


def test_nobody_waits_for_the_end_of_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "mine.npz")
    refused(lambda: load_dataset("npz", path=tmp_path / "mine.npz"), "pipe or a device")
    (tmp_path / "mnist").mkdir()
    os.mkfifo(tmp_path / "mnist" / "train-labels-idx1-ubyte.gz")
    checks = {os.path.basename(one.file): one for one in datasets.check("mnist", data_dir=tmp_path)}
    assert "pipe or a device" in checks["train-labels-idx1-ubyte.gz"].detail
    assert checks["t10k-labels-idx1-ubyte.gz"].detail == "missing"


def test_images_that_no_memory_holds_are_named_as_that(npz, monkeypatch, tmp_path):
    npz()

    def full(*_, **__):
        raise MemoryError("Unable to allocate 2.8 TiB")

    monkeypatch.setattr(np, "load", full)
    said = refused(lambda: load_dataset("npz", path=tmp_path / "mine.npz"), "2.8 TiB")
    assert "is too large for the memory of this machine" in said


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.full((3, 4), np.nan), [0, 1, 2], "inputs of a split must be 0 or 1"),
        (np.full((3, 4), 2), [0, 1, 2], "inputs of a split must be 0 or 1"),
        (np.zeros(4), [0], r"inputs of shape \(4,\)"),
        (np.zeros((3, 4)), [0, 1], r"labels of shape \(2,\)"),
        (np.zeros((3, 4)), [0.5, 1, 2], "type float64; give whole numbers"),
    ],
)
def test_a_split_of_anything_but_binary_images_and_classes_is_refused(inputs, labels, message):
    with pytest.raises(DatasetError, match=message):
        Split(inputs, labels)


def test_a_split_holds_arrays_of_the_types_that_it_says_whatever_it_is_given():
    split = Split([[0, 1.0], [1, 0]], [1, 0])
    assert split.inputs.dtype == np.uint8 and split.labels.dtype == np.int64
    assert split.inputs.tolist() == [[0, 1], [1, 0]] and split.inputs.flags.c_contiguous


def test_a_data_set_goes_to_another_process():
    data = load_dataset("digits")
    again = pickle.loads(pickle.dumps(data))
    assert again.checksums == data.checksums and again.name == "digits"
    assert np.array_equal(again.train.inputs, data.train.inputs)
    with pytest.raises(TypeError):
        again.checksums["digits"] = "changed"
