"""REBECA's judge (arXiv 2502.18477): will this person like this embedding? Neural collaborative filtering in NumPy.

A product of the person's row with a linear map of the embedding, beside a small network on both (He et al.
2017), with a bias of each. Knows nothing of pictures or of how they were made; new people need a new fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from zahir.space import normalize

Weights = dict[str, Float64[np.ndarray, "..."] | Float32[np.ndarray, "..."]]

LAYERS = (128, 128)
DROPOUT = 0.2
WEIGHT_DECAY = 0.01  # added to the gradient, as Adam with L2 does
STEP, STEP_DECAY = 1e-2, 0.999  # per epoch; an epoch is one step on all ratings
PATIENCE, LEAST_GAIN = 30, 1e-4  # epochs without so much less loss on the validation part


class Judged(NamedTuple):
    """Ratings of rows of `embeddings` by rows of people, as likes."""

    users: Int64[np.ndarray, "n"]
    items: Int64[np.ndarray, "n"]
    liked: Bool[np.ndarray, "n"]


class Verifier(NamedTuple):
    """A fit, and how many epochs it took."""

    weights: Weights
    epochs: int

    def score(
        self,
        users: Int64[np.ndarray, "n"],
        items: Int64[np.ndarray, "n"],
        embeddings: Float[np.ndarray, "items dim"],
    ) -> Float64[np.ndarray, "n"]:
        """Probability that each person likes the item beside them, a row of `embeddings`."""
        logits = _forward(self.weights, users, items, _prepared(embeddings), None)[0]
        return _sigmoid(logits).astype(np.float64)


def fit(
    known: Judged,
    embeddings: Float[np.ndarray, "items dim"],
    *,
    num_users: int,
    validation: Judged | None = None,
    epochs: int = 400,
    width: int = 480,
    seed: int = 42,
) -> Verifier:
    """Fit with Adam and cross-entropy, in which every person weighs the same.

    With `validation`, the epoch of its least loss is taken, and 30 without a better one end the fit; without,
    all `epochs` are taken. Raises ValueError when there is nothing to learn from.
    """
    if not len(known.users):
        raise ValueError("no ratings to learn from: known is empty. Give one at least.")
    rng = np.random.default_rng(seed)
    vectors = _prepared(embeddings)
    weights = _start(num_users, vectors.shape[1], width, rng)
    balance = _balance(known.users, num_users)
    first = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    best, least, since = Verifier(weights, 0), np.inf, 0
    for epoch in range(1, epochs + 1):
        masks = [(rng.random((len(known.users), layer)) >= DROPOUT) / np.float32(1 - DROPOUT) for layer in LAYERS]
        slopes = gradient(weights, known, vectors, balance, [mask.astype(np.float32) for mask in masks])[1]
        step = STEP * STEP_DECAY ** (epoch - 1)
        new = {}
        for name, value in weights.items():
            slope = slopes[name] + WEIGHT_DECAY * value
            first[name] = 0.9 * first[name] + 0.1 * slope
            second[name] = 0.999 * second[name] + 0.001 * slope * slope
            moved = first[name] / (1 - 0.9**epoch) / (np.sqrt(second[name] / (1 - 0.999**epoch)) + 1e-8)
            new[name] = (value - step * moved).astype(np.float32)
        weights = new
        if validation is None or not len(validation.users):
            best = Verifier(weights, epoch)
            continue
        loss = _loss(weights, validation, vectors, _balance(validation.users, num_users))
        if loss + LEAST_GAIN < least:
            best, least, since = Verifier(weights, epoch), loss, 0
        else:
            since += 1
        if since >= PATIENCE:
            break
    return best


def gradient(
    weights: Weights,
    known: Judged,
    vectors: Float[np.ndarray, "items dim"],
    balance: Float[np.ndarray, "n"],
    masks: list[np.ndarray] | None,
) -> tuple[float, Weights]:
    """Loss and its slope in every weight; `masks` drop units of the two layers."""
    users, items, liked = known
    logits, mapped, product, hidden = _forward(weights, users, items, vectors, masks)
    error = balance * (_sigmoid(logits) - liked) / len(users)
    slopes: Weights = {}
    width = weights["product.user"].shape[1]
    last = np.concatenate([product, hidden[-1]], axis=1)
    slopes["last.map"], slopes["last.bias"] = error @ last, error.sum(keepdims=True)
    slopes["bias.user"] = _gathered(users, error, len(weights["bias.user"]))
    by_item = _gathered(items, error, len(vectors))
    slopes["bias.map"], slopes["bias.bias"] = by_item @ vectors, error.sum(keepdims=True)

    back = error[:, None] * weights["last.map"]
    rows = weights["product.user"][users]
    slopes["product.user"] = _gathered(users, back[:, :width] * mapped, len(weights["product.user"]))
    to_items = _gathered(items, back[:, :width] * rows, len(vectors))
    slopes["product.map"], slopes["product.bias"] = vectors.T @ to_items, to_items.sum(0)

    down = back[:, width:]
    for k in reversed(range(len(LAYERS))):
        down = down * (hidden[k + 1] > 0) * (1 if masks is None else masks[k])
        slopes[f"layer{k}.map"], slopes[f"layer{k}.bias"] = hidden[k].T @ down, down.sum(0)
        down = down @ weights[f"layer{k}.map"].T
    slopes["network.user"] = _gathered(users, down[:, :width], len(weights["network.user"]))
    to_items = _gathered(items, down[:, width:], len(vectors))
    slopes["network.map"], slopes["network.bias"] = vectors.T @ to_items, to_items.sum(0)
    return _cross_entropy(logits, liked, balance), slopes


def _forward(
    weights: Weights, users: np.ndarray, items: np.ndarray, vectors: np.ndarray, masks: list[np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Logits; and what their slope needs: the mapped embeddings, the product, the network's layers."""
    mapped = (vectors @ weights["product.map"] + weights["product.bias"])[items]
    product = weights["product.user"][users] * mapped
    other = (vectors @ weights["network.map"] + weights["network.bias"])[items]
    hidden = [np.concatenate([weights["network.user"][users], other], axis=1)]
    for k in range(len(LAYERS)):
        raised = np.maximum(hidden[-1] @ weights[f"layer{k}.map"] + weights[f"layer{k}.bias"], 0)
        hidden.append(raised if masks is None else raised * masks[k])
    logits = np.concatenate([product, hidden[-1]], axis=1) @ weights["last.map"] + weights["last.bias"]
    logits = logits + weights["bias.user"][users] + (vectors @ weights["bias.map"])[items] + weights["bias.bias"]
    return logits, mapped, product, hidden


def _start(num_users: int, dim: int, width: int, rng: np.random.Generator) -> Weights:
    """Rows of people from a normal distribution, maps uniform within 1 / sqrt(inputs)."""

    def uniform(inputs: int, *shape: int) -> np.ndarray:
        return rng.uniform(-1, 1, shape) / np.sqrt(inputs)

    weights = {
        "product.user": rng.standard_normal((num_users, width)),
        "product.map": uniform(dim, dim, width),
        "product.bias": uniform(dim, width),
        "network.user": rng.standard_normal((num_users, width)),
        "network.map": uniform(dim, dim, width),
        "network.bias": uniform(dim, width),
        "bias.user": rng.standard_normal(num_users),
        "bias.map": uniform(dim, dim),
        "bias.bias": uniform(dim, 1),
        "last.map": uniform(width + LAYERS[-1], width + LAYERS[-1]),
        "last.bias": uniform(width + LAYERS[-1], 1),
    }
    for k, (inputs, outputs) in enumerate(zip((2 * width, *LAYERS), LAYERS)):
        weights[f"layer{k}.map"] = uniform(inputs, inputs, outputs)
        weights[f"layer{k}.bias"] = uniform(inputs, outputs)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def _prepared(embeddings: np.ndarray) -> Float32[np.ndarray, "n dim"]:
    """Unit length times sqrt(dim), clipped to 5 and divided by 5, as REBECA's code does."""
    vectors = normalize(np.asarray(embeddings, np.float32)) * np.float32(np.sqrt(embeddings.shape[1]))
    return np.clip(vectors, -5, 5) / np.float32(5)


def _balance(users: np.ndarray, num_users: int) -> Float32[np.ndarray, "n"]:
    """Weights of ratings, mean 1, by which every person counts the same."""
    counts = np.bincount(users, minlength=num_users)
    return (len(users) / (np.count_nonzero(counts) * counts[users])).astype(np.float32)


def _loss(weights: Weights, part: Judged, vectors: np.ndarray, balance: np.ndarray) -> float:
    return _cross_entropy(_forward(weights, part.users, part.items, vectors, None)[0], part.liked, balance)


def _cross_entropy(logits: np.ndarray, liked: np.ndarray, balance: np.ndarray) -> float:
    return float(np.mean(balance * (np.logaddexp(0, logits) - liked * logits), dtype=np.float64))


def _gathered(rows: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sum of the values of each row, by a sparse product: np.add.at is many times slower."""
    from scipy.sparse import csr_array

    n = len(rows)
    chosen = csr_array((np.ones(n, values.dtype), (rows, np.arange(n))), shape=(count, n))
    return chosen @ values


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * logits))
