"""Crops with known geometry; networks held against torchvision's own at the documented layer; weights from every source."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from radiogenomics import features, lesions
from radiogenomics._files import sha256
from radiogenomics.features import _networks, _weights
from radiogenomics.features._precision import exact
from tests.helpers.imaging_phantoms import breast, ellipsoid, volume

torch = pytest.importorskip("torch", reason="needs the extra 'deep'")

WIDTHS = {"googlenet": 1024, "resnet50": 2048, "vgg16": 4096, "efficientnet_b0": 1280, "vit_small": 384}
MEAN, STD = np.reshape([0.485, 0.456, 0.406], (3, 1, 1)), np.reshape([0.229, 0.224, 0.225], (3, 1, 1))


def shown(crop):
    """Undo ImageNet's normalisation."""
    return crop * STD + MEAN


def square(shape=(5, 60, 64), rows=slice(20, 40), columns=slice(22, 42), number=2):
    mask = np.zeros(shape, np.uint8)
    mask[number, rows, columns] = 1
    return mask


def noise(shape=(5, 60, 64), seed=0):
    return np.random.default_rng(seed).normal(300, 50, shape)


UNIT = {"spacing": (1.0, 1.0, 3.0)}


def test_a_crop_of_the_voxels_own_size_is_the_voxels_themselves():
    values = noise()
    crop = features.crop(volume(values, **UNIT), volume(square(), **UNIT), view="2.5d", margin_mm=6, size=32)
    window = values[1:4, 14:46, 16:48]
    low, high = np.percentile(window, [1, 99])
    np.testing.assert_allclose(shown(crop), np.clip((window - low) / (high - low), 0, 1), atol=1e-6)
    assert (crop.dtype, crop.shape) == (np.float32, (3, 32, 32))


def test_the_slice_view_shows_one_slice_three_times():
    values = noise()
    crop = features.crop(volume(values, **UNIT), volume(square(), **UNIT), view="slice", margin_mm=6, size=32)
    window = values[2, 14:46, 16:48]
    low, high = np.percentile(window, [1, 99])
    np.testing.assert_allclose(shown(crop), np.broadcast_to(np.clip((window - low) / (high - low), 0, 1), (3, 32, 32)), atol=1e-6)


@pytest.mark.parametrize(("number", "channels"), [(0, [0, 0, 1]), (2, [1, 2, 3]), (4, [3, 4, 4])])
def test_the_slice_at_an_end_of_the_volume_is_repeated(number, channels):
    values = noise()
    crop = features.crop(volume(values, **UNIT), volume(square(number=number), **UNIT), view="2.5d", margin_mm=6, size=32)
    window = values[channels, 14:46, 16:48]
    assert [np.corrcoef(shown(crop)[at].ravel(), window[at].ravel())[0, 1] > 0.99 for at in range(3)] == [True] * 3


def test_the_slice_of_largest_diameter_is_chosen_among_those_acquired():
    mask = square(rows=slice(20, 30), columns=slice(20, 30), number=1)
    mask[3, 25, 10:34] = 1  # thin and long: largest diameter, not largest area
    values = np.arange(5.0)[:, None, None] * 100 + noise() / 100
    for plane in ("axial", "sagittal", "oblique"):
        place = {"spacing": (1.0, 1.0, 3.0), "plane": plane}
        crop = shown(features.crop(volume(values, **place), volume(mask, **place), view="2.5d", size=32))
        assert crop[0].mean() < 0.1 < 0.45 < crop[1].mean() < 0.55 < 0.9 < crop[2].mean()


def test_the_crop_is_a_square_in_mm():
    """A ball in voxels of 0.5 x 1 mm is as wide as high, with the margin around it."""
    shape = (9, 60, 120)
    ball = ellipsoid(shape, (4, 30, 60), (4, 12, 24))
    place = {"spacing": (0.5, 1.0, 3.0)}
    crop = shown(
        features.crop(volume(ball * 1.0, **place), volume(ball.astype(np.uint8), **place), view="slice", margin_mm=5, size=140)
    )
    bright = crop[0] > 0.5
    rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
    # 25 voxels of 1 mm (49 of 0.5 mm) in 35 mm: five sevenths of 140 pixels.
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == pytest.approx((100, 98), abs=2)
    assert bright.mean() == pytest.approx(ball[4].sum() * 0.5 / 35**2, rel=0.03)


def test_beyond_the_image_it_is_black():
    values = noise()
    mask = square(rows=slice(0, 20), columns=slice(44, 64))
    crop = shown(features.crop(volume(values, **UNIT), volume(mask, **UNIT), view="slice", margin_mm=6, size=32))
    np.testing.assert_allclose(crop[:, :6], 0, atol=1e-6)
    np.testing.assert_allclose(crop[:, :, -6:], 0, atol=1e-6)
    window = values[2, 0:26, 38:64]  # the range comes from what there is, not from the black
    low, high = np.percentile(window, [1, 99])
    np.testing.assert_allclose(crop[0, 6:, :-6], np.clip((window - low) / (high - low), 0, 1), atol=1e-6)


def test_shrinking_does_not_alias():
    """A checkerboard of single voxels is grey when four of them make a pixel side; sampling every fourth gives black or white."""
    values = np.zeros((1, 150, 150)) + np.indices((150, 150)).sum(axis=0) % 2
    mask = square((1, 150, 150), slice(11, 139), slice(11, 139), 0)
    crop = shown(features.crop(volume(values, **UNIT), volume(mask, **UNIT), view="slice", margin_mm=0, size=32))
    np.testing.assert_allclose(crop, 0.5, atol=0.01)


def test_enlarging_is_linear():
    values = np.broadcast_to(np.arange(64.0), (5, 60, 64))
    crop = shown(features.crop(volume(values, **UNIT), volume(square(), **UNIT), view="slice", margin_mm=6, size=128))
    inner = crop[0, 64, 8:-8]
    np.testing.assert_allclose(np.diff(inner, n=2), 0, atol=1e-5)
    np.testing.assert_allclose(np.diff(inner), 0.25 / np.subtract(*np.percentile(values[2, 14:46, 16:48], [99, 1])), rtol=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.tuples(*[st.integers(0, 6)] * 2), st.booleans(), st.sampled_from([0.5, 3.0, 1000.0]))
def test_moving_flipping_and_scaling_move_and_flip_the_crop_alone(seed, shift, flip, factor):
    rng = np.random.default_rng(seed)
    values = np.zeros((3, 60, 64))
    values[:, 10:44, 10:48] = rng.gamma(3, 40, (3, 34, 38))
    mask = np.zeros((3, 60, 64), np.uint8)
    mask[1, 20:33, 22:36] = rng.random((13, 14)) < 0.7
    mask[1, 25, 25] = 1
    options = {"view": "2.5d", "margin_mm": 4.0, "size": 48}
    first = features.crop(volume(values), volume(mask), **options)
    moved, moved_mask = (np.roll(array, shift, (1, 2)) for array in (values * factor + 20, mask))
    if flip:
        moved, moved_mask = moved[:, :, ::-1], moved_mask[:, :, ::-1]
    second = features.crop(volume(moved), volume(moved_mask), **options)
    np.testing.assert_allclose(second[:, :, ::-1] if flip else second, first, atol=2e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view": "3d"}, r"^`view` is '3d', it must be one of 'slice', '2\.5d'\.$"),
        ({"margin_mm": -1.0}, r"^`margin_mm` is -1\.0, it must be 0 or a positive number of mm\.$"),
        ({"size": 16}, r"^`size` is 16, it must be at least 32 pixels\.$"),
        ({"mask": volume(square())}, r"^The mask \(\(64, 60, 5\) voxels\) does not lie on the grid of the image"),
        ({"mask": volume(square() * 0, **UNIT)}, r"^The mask is empty; it has no largest slice\.$"),
        ({"image": volume(noise() * 0 + 7, **UNIT)}, r"^The crop around slice 2 holds one value only \(7\); it shows nothing"),
        ({"image": volume(noise() * np.nan, **UNIT)}, r"^The crop around slice 2 holds values that are not finite"),
    ],
)
def test_crops_that_make_no_sense_are_refused(change, message):
    options = {"image": volume(noise(), **UNIT), "mask": volume(square(), **UNIT), "view": "slice"} | change
    with pytest.raises(ValueError, match=message):
        features.crop(options.pop("image"), options.pop("mask"), **options)


def pictures(count=2, size=96, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3, size, size)).astype(np.float32)


def fitting(name, count=2):
    """Random crops: small ones where the network takes them."""
    return pictures(count, 224 if name == "vit_small" else 96)


def original(name, seed=3):
    """Make torchvision's or timm's own network, classifier and all, with weights of the test's own."""
    models = _networks.torchvision_models()
    with torch.device("meta"):
        if name == "googlenet":
            network = models.googlenet(weights=None, init_weights=False, transform_input=True, aux_logits=True)
        elif name == "vit_small":
            network = _networks.timm().create_model("vit_small_patch16_224", pretrained=False)
        else:
            network = models.get_model(name, weights=None)
    network = network.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(seed)
    for key, values in network.state_dict().items():
        if values.ndim > 1:
            values.normal_(0, (2 / values[0].numel()) ** 0.5, generator=generator)
        elif key.endswith(("weight", "running_var")):
            values.uniform_(0.5, 1.5, generator=generator)
        elif values.is_floating_point():
            values.normal_(0, 0.1, generator=generator)
        else:
            values.zero_()
    return network


LAYERS = {  # what goes into the classifier, as documented
    "googlenet": lambda network: network.fc,
    "resnet50": lambda network: network.fc,
    "vgg16": lambda network: network.classifier[5],  # the dropout after the second ReLU
    "efficientnet_b0": lambda network: network.classifier,
    "vit_small": lambda network: network.head,
}


def entering(network, layer, inputs):
    """Record what enters a layer, by a hook."""
    seen = []
    handle = layer.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].clone()))
    with torch.inference_mode():
        network(torch.from_numpy(inputs))
    handle.remove()
    return seen[0].numpy()


def close(ours, theirs):
    """Equal but for the order of summation: torchvision runs a batch, in another memory order."""
    np.testing.assert_allclose(ours, theirs, atol=2e-5 * np.abs(theirs).max())


# vgg16 is half a gigabyte of weights.
@pytest.mark.parametrize(
    "name",
    [
        "googlenet",
        "efficientnet_b0",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("resnet50", "vgg16", "vit_small")),
    ],
)
def test_features_are_what_enters_the_classifier_of_the_original_network(name, tmp_path):
    network, inputs = original(name), fitting(name)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    digest = sha256(tmp_path / "weights.pth")
    backbone = features.Backbone(name, weights=tmp_path / "weights.pth", sha256=digest)
    # What googlenet converts by itself is converted for vit_small: its usual weights expect 0.5 and 0.5.
    expected = entering(
        network, LAYERS[name](network), ((inputs * STD + MEAN - 0.5) / 0.5).astype(np.float32) if name == "vit_small" else inputs
    )
    found = backbone.extract(inputs)
    assert found.shape == (2, WIDTHS[name])
    assert found.std(axis=0).mean() > 1e-3 * np.abs(found).max()
    close(found, expected)
    assert (backbone.random, backbone.sha256) == (False, digest)
    assert backbone.label == f"{name}, weights.pth (SHA-256 {digest[:12]})"


@pytest.fixture(scope="module", params=["googlenet", "efficientnet_b0", pytest.param("vit_small", marks=pytest.mark.slow)])
def backbone(request):
    return features.Backbone(request.param, weights="random", random_state=4)


def test_random_features_say_so_and_are_named(backbone):
    table = features.deep(dict(zip(["B", "A"], fitting(backbone.name), strict=True)), backbone)
    assert (table.index.name, table.index.tolist()) == ("patient", ["B", "A"])
    assert table.columns.tolist() == [
        f"{backbone.name}_random_weights_{number:04d}" for number in range(1, WIDTHS[backbone.name] + 1)
    ]
    assert table.attrs["weights"] == backbone.label == f"{backbone.name}, random weights (seed 4)"
    assert backbone.random
    assert np.isfinite(table.to_numpy()).all()
    assert (table.std() > 0).mean() > 0.8


def test_a_crop_has_the_same_bits_in_any_company_and_any_run(backbone):
    inputs = fitting(backbone.name, 4)
    together = backbone.extract(inputs, batch_size=3)
    np.testing.assert_array_equal(together, backbone.extract(inputs))
    for order in ([2], [3, 1], [1, 2, 0, 3]):
        np.testing.assert_array_equal(backbone.extract(inputs[order], batch_size=2), together[order])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(backbone.extract(inputs[:1]), together[:1])


def test_a_saved_network_gives_the_features_of_the_one_it_came_from(backbone, tmp_path):
    path = tmp_path / "saved.pt"
    torch.save(backbone._network.state_dict(), path)
    again = features.Backbone(backbone.name, weights=str(path), sha256=sha256(path).upper())
    np.testing.assert_array_equal(again.extract(fitting(backbone.name)), backbone.extract(fitting(backbone.name)))


def test_safetensors_are_read_too(backbone, tmp_path):
    from safetensors.torch import save_file

    save_file({key: values.contiguous() for key, values in backbone._network.state_dict().items()}, tmp_path / "a.safetensors")
    again = features.Backbone(backbone.name, weights=tmp_path / "a.safetensors", sha256=sha256(tmp_path / "a.safetensors"))
    np.testing.assert_array_equal(again.extract(fitting(backbone.name)), backbone.extract(fitting(backbone.name)))


def test_a_backbone_travels_as_its_recipe(backbone):
    sent = pickle.dumps(backbone)
    assert len(sent) < 1000
    received = pickle.loads(sent)
    assert pickle.loads(sent) is received
    np.testing.assert_array_equal(received.extract(fitting(backbone.name)), backbone.extract(fitting(backbone.name)))


def test_random_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = features.Backbone("efficientnet_b0", weights="random", random_state=7).extract(pictures(1))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    np.testing.assert_array_equal(
        one, features.Backbone("efficientnet_b0", weights="random", random_state=7).extract(pictures(1))
    )
    assert not np.array_equal(one, features.Backbone("efficientnet_b0", weights="random", random_state=8).extract(pictures(1)))


RUN = """
import hashlib, sys, numpy as np
from radiogenomics import features
backbone = features.Backbone("googlenet", weights="random", random_state=4)
inputs = np.random.default_rng(0).normal(size=(2, 3, 96, 96)).astype(np.float32)
print(hashlib.sha256(backbone.extract(inputs).tobytes()).hexdigest())
"""


def run(code, **environment):
    """Run code in a fresh interpreter in which warnings are errors -> what it prints last."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
def test_another_process_with_more_threads_gives_the_same_bits():
    here = features.Backbone("googlenet", weights="random", random_state=4).extract(pictures())
    assert run(RUN, OMP_NUM_THREADS="2") == hashlib.sha256(here.tobytes()).hexdigest()


@pytest.mark.slow
def test_torchvision_is_imported_on_a_cpu_build_of_torch_and_left_alone_elsewhere():
    plain = "try:\n    import torchvision\n    print('works')\nexcept RuntimeError as error:\n    print(error)"
    models = _networks.torchvision_models()
    described = len(vars(sys.modules["torchvision._meta_registrations"])) > 10
    assert {"works": True, "operator torchvision::nms does not exist": False}[run(plain)] == described
    assert models.googlenet.__name__ == "googlenet"
    assert _networks.torchvision_models() is models


@pytest.mark.parametrize("package", ["torch", *(pytest.param(name, marks=pytest.mark.slow) for name in ("torchvision", "timm"))])
def test_a_package_that_is_not_installed_is_named(package):
    code = f"import sys; sys.modules[{package!r}] = None\nfrom radiogenomics import features\ntry:\n"
    code += "    features.Backbone('vit_small', weights='random')\nexcept ImportError as error:\n    print(error)"
    expected = (
        f"Deep features need torch, torchvision and timm, and {package} is not installed: pip install 'radiogenomics[deep]'."
    )
    assert run(code) == expected


PRECISION = """
import torch
from torch import backends
from radiogenomics.features._precision import exact
{before}
def state():
    places = [backends.cudnn.conv, backends.cuda.matmul, backends.mkldnn.matmul]
    return [place.fp32_precision for place in places] + [backends.cudnn.deterministic, backends.cudnn.benchmark]
before = state()
with exact():
    assert state() == ["ieee"] * 3 + [True, False], state()
    assert not backends.cudnn.allow_tf32 and not backends.cuda.matmul.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"
print(state() == before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    [
        "",
        "backends.cudnn.allow_tf32 = True; backends.cuda.matmul.allow_tf32 = True; backends.cudnn.benchmark = True",
        "torch.set_float32_matmul_precision('medium')",
        "backends.fp32_precision = 'tf32'",
    ],
)
def test_tf32_is_off_inside_and_as_it_was_outside(before):
    assert run(PRECISION.format(before=before)) == "True"


def precision():
    """How torch computes now: three kinds of sums, and whether cuDNN may choose its algorithms."""
    places = torch.backends.cudnn.conv, torch.backends.cuda.matmul, torch.backends.mkldnn.matmul
    return [*(place.fp32_precision for place in places), torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark]


def test_precision_is_full_inside_and_comes_back_after_an_error():
    def compute():
        with exact():
            seen.append(precision())
            raise ZeroDivisionError

    before, seen = precision(), []
    with pytest.raises(ZeroDivisionError):
        compute()
    assert seen == [["ieee", "ieee", "ieee", True, False]]
    assert precision() == before


class Quiet(SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def log_message(self, *_):
        self.asked.append(self.path)


@pytest.fixture
def server(tmp_path):
    """Files served over HTTP on this machine: folder and address."""
    folder = tmp_path / "served"
    folder.mkdir()
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as served:
        Quiet.asked = []
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture
def enum(server, tmp_path, monkeypatch):
    """The name IMAGENET1K_V1 of googlenet, with a file on the loopback server behind it, and an empty cache."""
    folder, address = server
    torch.save(original("googlenet").state_dict(), folder / "weights")
    digest = sha256(folder / "weights")
    path = (folder / "weights").rename(folder / f"googlenet-{digest[:8]}.pth")
    chosen = _networks.torchvision_models().get_model_weights("googlenet").IMAGENET1K_V1
    monkeypatch.setattr(chosen.value, "url", f"{address}/{path.name}")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    return path, digest, tmp_path / "cache" / "hub" / "checkpoints" / path.name


def test_a_name_is_downloaded_once_and_agrees_with_the_file(enum):
    path, digest, cached = enum
    named = features.Backbone("googlenet", weights="IMAGENET1K_V1")
    again = features.Backbone("googlenet", weights="IMAGENET1K_V1", sha256=digest)
    local = features.Backbone("googlenet", weights=path, sha256=digest)
    assert (named.label, named.sha256, named.random) == ("googlenet, IMAGENET1K_V1", digest, False)
    assert Quiet.asked == [f"/{path.name}"]
    assert cached.read_bytes() == path.read_bytes()
    inputs = pictures()
    for other in (again, local):
        np.testing.assert_array_equal(other.extract(inputs), named.extract(inputs))


def test_a_damaged_download_or_cache_is_refused(enum):
    path, digest, cached = enum
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(
        ConnectionError,
        match=r"could not be fetched from http://127.*invalid hash value.*give the local file with its SHA-256\.$",
    ):
        features.Backbone("googlenet", weights="IMAGENET1K_V1")
    assert not cached.exists()
    cached.write_bytes(whole[:-100])
    with pytest.raises(
        ValueError, match=rf"is damaged: its SHA-256 does not begin with {digest[:8]}; delete it, and it is fetched again\.$"
    ):
        features.Backbone("googlenet", weights="IMAGENET1K_V1")


def test_without_a_network_the_remedy_is_a_local_file(enum, monkeypatch):
    chosen = _networks.torchvision_models().get_model_weights("googlenet").IMAGENET1K_V1
    monkeypatch.setattr(chosen.value, "url", "http://127.0.0.1:9/googlenet-12345678.pth")
    with pytest.raises(
        ConnectionError,
        match=r"googlenet, IMAGENET1K_V1.*http://127\.0\.0\.1:9/.*give the local file",
    ):
        features.Backbone("googlenet", weights="IMAGENET1K_V1")


@pytest.mark.slow
def test_without_a_network_the_hub_has_the_same_remedy(tmp_path):
    code = "from radiogenomics import features\ntry:\n    features.Backbone('vit_small', weights='dino')\n"
    code += "except ConnectionError as error:\n    print(error)"
    message = run(code, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert message.startswith("The weights vit_small, dino could not be fetched from timm/vit_small_patch16_224.dino (")
    assert message.endswith("; fetch them where there is a network, and give the local file with its SHA-256.")


class Hub(BaseHTTPRequestHandler):
    """As much of Hugging Face's hub as one file needs."""

    file = Path()

    def do_HEAD(self):
        found = self.path == "/timm/vit_small_patch16_224.dino/resolve/main/model.safetensors"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(self.file.stat().st_size))
        self.send_header("ETag", f'"{sha256(self.file)}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(self.file.read_bytes())

    def log_message(self, *_):
        pass


HUB = """
import json, numpy as np
from radiogenomics import features
backbone = features.Backbone("vit_small", weights="dino")
np.save({out!r}, backbone.extract(np.load({inputs!r})))
print(json.dumps([backbone.label, backbone.sha256]))
"""


@pytest.mark.slow
def test_timm_weights_come_from_its_hub_with_their_own_normalisation(tmp_path):
    from safetensors.torch import save_file

    network, inputs = original("vit_small"), fitting("vit_small")
    Hub.file = tmp_path / "model.safetensors"
    save_file({key: values for key, values in network.state_dict().items() if not key.startswith("head.")}, Hub.file)
    np.save(tmp_path / "inputs.npy", inputs)
    with HTTPServer(("127.0.0.1", 0), Hub) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        code = HUB.format(out=str(tmp_path / "out.npy"), inputs=str(tmp_path / "inputs.npy"))
        said = run(code, HF_ENDPOINT=f"http://127.0.0.1:{served.server_port}", HF_HOME=str(tmp_path / "home"))
        served.shutdown()
    assert json.loads(said) == ["vit_small, dino", sha256(Hub.file)]
    close(np.load(tmp_path / "out.npy"), entering(network, network.head, inputs))  # dino was trained with ImageNet's own


def test_known_names_are_those_of_torchvision_and_timm():
    assert {name: _weights.known_weights(name) for name in ("googlenet", "resnet50", "vgg16", "efficientnet_b0")} == {
        "googlenet": ["IMAGENET1K_V1"],
        "resnet50": ["IMAGENET1K_V1", "IMAGENET1K_V2"],
        "vgg16": ["IMAGENET1K_V1"],
        "efficientnet_b0": ["IMAGENET1K_V1"],
    }
    assert {"augreg_in21k_ft_in1k", "dino"} <= set(_weights.known_weights("vit_small"))
    urls = {one.url for one in _networks.torchvision_models().get_model_weights("resnet50")}
    assert len(urls) == 2


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def saved(what, tmp_path):
    path = tmp_path / "file.pth"
    torch.save(what, path)
    return {"weights": path, "sha256": sha256(path)}


def test_code_in_a_file_is_not_run(tmp_path):
    planted = tmp_path / "planted"
    with pytest.raises(
        ValueError,
        match=r"file\.pth.*pickled code.*not run.*[Ss]ave model\.state_dict\(\)",
    ):
        features.Backbone("resnet50", **saved({"fc.weight": Payload(planted)}, tmp_path))
    assert not planted.exists()


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    state = features.Backbone("efficientnet_b0", weights="random")._network.state_dict()
    with pytest.raises(
        ValueError,
        match=r"resnet50.*\d+ missing \(conv1\.weight.*\d+ unknown \(features\.0",
    ):
        features.Backbone("resnet50", **saved(state, tmp_path))
    with pytest.raises(
        ValueError,
        match=r"efficientnet_b0.*1 of another shape \(features\.0\.0\.weight\).*give the state_dict",
    ):
        features.Backbone("efficientnet_b0", **saved({**state, "features.0.0.weight": torch.zeros(3)}, tmp_path))
    with pytest.raises(ValueError, match=r"holds weights that are not finite \(features\.0\.0\.weight\); give another file\.$"):
        features.Backbone(
            "efficientnet_b0", **saved({**state, "features.0.0.weight": state["features.0.0.weight"] * np.nan}, tmp_path)
        )
    with pytest.raises(
        ValueError, match=r"holds a dict of epoch, model, not tensors by name; save model\.state_dict\(\) alone\.$"
    ):
        features.Backbone("efficientnet_b0", **saved({"epoch": 3, "model": state}, tmp_path))
    with pytest.raises(ValueError, match=r"holds a list, not tensors by name"):
        features.Backbone("efficientnet_b0", **saved([torch.zeros(3)], tmp_path))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_cut_file_is_refused(tmp_path, suffix):
    from safetensors.torch import save_file

    whole, path = tmp_path / "whole", tmp_path / f"cut.{suffix}"
    state = {"a": torch.ones(1000), "b": torch.ones(1000)}
    save_file(state, whole) if suffix == "safetensors" else torch.save(state, whole)
    path.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(
        ValueError,
        match=rf"cut\.{suffix} (cannot be read as weights \(.*\); fetch it again|holds pickled code or is not a file of weights)",
    ):
        features.Backbone("resnet50", weights=path, sha256=sha256(path))


def test_a_file_needs_its_checksum(tmp_path):
    choice = saved({}, tmp_path)
    digest = choice["sha256"]
    with pytest.raises(
        ValueError,
        match=rf"^Weights from a file need its SHA-256, that of .*file\.pth is {digest}; compare it with what its source",
    ):
        features.Backbone("resnet50", weights=choice["weights"])
    with pytest.raises(
        ValueError, match=rf"file\.pth has the SHA-256 {digest}, not {'0' * 64}; it is damaged or another file, fetch it again\.$"
    ):
        features.Backbone("resnet50", weights=choice["weights"], sha256="0" * 64)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "alexnet",
            {"weights": "random"},
            r"^`name` is 'alexnet', it must be one of 'googlenet', 'resnet50', 'vgg16', 'efficientnet_b0', 'vit_small'\.$",
        ),
        (
            "resnet50",
            {"weights": "V3"},
            r"^`weights` is 'V3': no such file, and no weights of resnet50 by that name; give a file, 'IMAGENET1K_V1', 'IMAGENET1K_V2', or 'random'\.$",
        ),
        (
            "vgg16",
            {"weights": "IMAGENET1K_FEATURES"},
            r"no weights of vgg16 by that name; give a file, 'IMAGENET1K_V1', or 'random'\.$",
        ),
        (
            "googlenet",
            {"weights": "random", "sha256": "0" * 64},
            r"^`sha256` belongs to a file of weights, and `weights` is 'random'",
        ),
        (
            "efficientnet_b0",
            {"weights": "random", "device": "tpu9"},
            r"^`device` is 'tpu9', it must be 'cpu', 'cuda' or 'cuda:<number>'\.$",
        ),
        (
            "efficientnet_b0",
            {"weights": "random", "device": "cuda:77"},
            r"^`device` is 'cuda:77', and torch finds \d+ CUDA device\(s\) here; use 'cpu'\.$",
        ),
    ],
)
def test_choices_that_make_no_sense_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        features.Backbone(name, **options)


def test_crops_of_another_shape_are_refused():
    network = features.Backbone("efficientnet_b0", weights="random")
    assert network.extract(pictures(1, 64)).shape == (1, 1280)
    for inputs in (pictures(1, 16), pictures(1)[0], pictures(1)[:, :2], pictures(1)[:, :, :90], pictures(0)):
        with pytest.raises(
            ValueError,
            match=r"`crops`.*shape.*efficientnet_b0.*\(n, 3, s, s\).*at least 32.*`crop`",
        ):
            network.extract(inputs)
    broken = pictures(3)
    broken[1, 0, 5, 5] = np.inf
    with pytest.raises(ValueError, match=r"^`crops` number 1 holds values that are not finite"):
        network.extract(broken)
    with pytest.raises(ValueError, match=r"^`batch_size` is 0, it must be at least 1\.$"):
        network.extract(pictures(1), batch_size=0)
    with pytest.raises(ValueError, match=r"^`crops` is empty; give the crop of one patient or more\.$"):
        features.deep({}, network)
    with pytest.raises(ValueError, match=r"crop of B.*\(3, 64, 64\).*\(3, 96, 96\).*one size"):
        features.deep({"A": pictures(1)[0], "B": pictures(1, 64)[0]}, network)


@pytest.mark.slow
def test_a_network_of_one_size_says_which():
    with pytest.raises(ValueError, match=r"vit_small takes \(n, 3, s, s\) with s = 224"):
        features.Backbone("vit_small", weights="random").extract(pictures(1, 256))


def test_a_lesion_gives_features_that_follow_it():
    """From phantom to features: the same lesion elsewhere in the volume gives the same numbers, another lesion others."""
    phases, mask = breast()
    values, inside = (sitk.GetArrayFromImage(image) for image in (phases[1], mask))
    moved, moved_mask = (np.roll(array, (2, 3, -4), (0, 1, 2)) for array in (values, inside))
    larger = ellipsoid(inside.shape, (10, 21, 28), (3.2, 9, 8)).astype(np.uint8)
    pairs = {"one": (values, inside), "moved": (moved, moved_mask), "other": (values, larger)}
    crops = {name: features.crop(volume(image), volume(part), view="2.5d") for name, (image, part) in pairs.items()}
    table = features.deep(crops, features.Backbone("googlenet", weights="random"))
    spread = np.abs(table.loc["one"] - table.loc["other"]).max()
    assert np.abs(table.loc["one"] - table.loc["moved"]).max() < 1e-4 * spread


@pytest.mark.real
def test_features_of_a_real_breast_lesion(real):
    image = sitk.ReadImage(str(real / "images" / "breast1_image.nrrd"))
    mask = lesions.validate_mask(lesions.read_mask(real / "images" / "breast1_label.nrrd", image=image), image)
    crops = {view: features.crop(image, mask, view=view) for view in ("slice", "2.5d")}
    np.testing.assert_allclose(shown(crops["slice"])[0], shown(crops["slice"])[2], atol=1e-6)
    assert all(shown(crop).min() > -1e-6 and shown(crop).max() < 1 + 1e-6 for crop in crops.values())
    table = features.deep(crops, features.Backbone("googlenet", weights="random"))
    assert table.shape == (2, 1024)
    assert np.isfinite(table.to_numpy()).all()


def varied(count):
    """Crops from fine to coarse, of many contrasts, each with a bright ellipse: so that features have a range."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        texture = ndimage.gaussian_filter(rng.normal(size=(3, 224, 224)), [0, *[2 ** (number % 5 + 0.5)] * 2])
        spot = ellipsoid((224, 224), (112, 112), rng.uniform(20, 90, 2))
        made.append(np.clip(rng.uniform(0.2, 0.8) * (texture - texture.min()) / np.ptp(texture) + 0.5 * spot, 0, 1))
    return ((np.stack(made) - MEAN) / STD).astype(np.float32)


@pytest.mark.parametrize(
    "name", ["googlenet", *(pytest.param(name, marks=pytest.mark.slow) for name in WIDTHS if name != "googlenet")]
)
def test_the_order_of_summation_changes_no_feature_by_a_ten_thousandth_of_its_range(name):
    """As an accelerator orders its sums otherwise: here a batch in torch's usual memory order."""
    inputs = varied({"vgg16": 6, "googlenet": 8}.get(name, 20))
    network = features.Backbone(name, weights="random")
    found = network.extract(inputs)
    plain = network._network.to(memory_format=torch.contiguous_format)
    converted = (inputs * STD + MEAN - 0.5) / 0.5 if name == "vit_small" else inputs
    with torch.inference_mode():
        batch = plain(torch.from_numpy(np.asarray(converted, np.float32)).to(next(plain.parameters()).dtype)).float().numpy()
    assert (np.abs(batch - found).max(axis=0) <= 1e-4 * np.ptp(found, axis=0)).all()
    if name != "vgg16":
        assert np.ptp(found, axis=0).min() > 1e-3 * np.abs(found).max()  # alive: none is stuck at one value


@pytest.mark.gpu
@pytest.mark.parametrize("name", list(WIDTHS))
def test_an_accelerator_gives_the_features_of_the_cpu(name):
    """Within 1e-4 of each feature's range; the same bits in any company and any run."""
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here")
    inputs = varied(40)
    there = features.Backbone(name, weights="random", device="cuda")
    found, expected = there.extract(inputs), features.Backbone(name, weights="random").extract(inputs)
    assert (np.abs(found - expected).max(axis=0) <= 1e-4 * np.ptp(expected, axis=0)).all()
    np.testing.assert_array_equal(found, there.extract(inputs))
    np.testing.assert_array_equal(found[[7, 3, 38]], there.extract(inputs[[7, 3, 38]]))
