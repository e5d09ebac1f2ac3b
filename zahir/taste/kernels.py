"""The inner loops of the solve, compiled: one row after another, gathered once into a buffer that stays in cache.

Knows one row's ridge; nothing of threads, of which rows are worth it, or of `gram`. `solve_rows_slowly`
says what they compute. Tables are float32, or float16 seen as uint16, which numba lacks.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from zahir.jit import kernel

HALF = np.float32(2.0**112)  # float16's bits, moved 13 to the left, are a float32 that is this much too small
_SEGMENT = 512  # entries of a long row gathered at once


@kernel
@no_type_check
def dots_half(table, taste, out):
    """out[i] = table[i] . taste / HALF for float16 rows."""
    bits = np.empty(table.shape[1], np.uint32)
    wide = bits.view(np.float32)
    for i in range(len(table)):
        _spread(table[i], bits)
        total = np.float32(0)
        for d in range(len(taste)):
            total += wide[d] * taste[d]
        out[i] = total


@kernel
@no_type_check
def solve_short(which, indptr, indices, ratings, weights, table, half, prior, strength, out):
    """Solve rows `which`, each by the smaller of its dual and its normal equations, into `out`.

    `prior` has one row, or one per row of `out`. Everything is float32: rows must be well conditioned.
    """
    dim = table.shape[1]
    longest = 0
    for i in which:
        longest = max(longest, indptr[i + 1] - indptr[i])
    most = _fours(min(longest, dim))
    flat = np.empty(max(most * dim, most * _SEGMENT if longest > dim else 0), np.float32)
    system = np.empty((most, most), np.float32)
    left = np.empty(longest, np.float32)
    target = np.empty(most, np.float32)
    bits, row = np.empty(dim, np.uint32), np.empty(dim, np.float32)
    for i in which:
        first, last = indptr[i], indptr[i + 1]
        own = prior[i if len(prior) > 1 else 0]
        k = last - first
        if k <= dim:
            size = _fours(k)
            a = flat[: size * dim].reshape(size, dim)
            for j in range(k):
                left[j] = _take(first + j, indices, ratings, weights, table, half, own, bits, a[j])
            a[k:] = 0
            system[:size, :size] = 0
            _add_gram(a, system)
            target[:k] = left[:k]
            target[k:size] = 0
            _solve(system, size, strength[i], target)
            x = out[i]
            x[:] = own
            for j in range(k):
                _axpy(target[j], a[j], x)
            continue
        size = _fours(dim)
        system[:size, :size] = 0
        target[:size] = 0
        across = flat[: size * _SEGMENT].reshape(size, _SEGMENT)
        across[dim:] = 0
        for start in range(first, last, _SEGMENT):
            count = min(_SEGMENT, last - start)
            for j in range(count):
                left[j] = _take(start + j, indices, ratings, weights, table, half, own, bits, row)
                for d in range(dim):
                    across[d, j] = row[d]
                _axpy(left[j], row, target)
            across[:, count:] = 0
            _add_gram(across, system)
        _solve(system, size, strength[i], target)
        for d in range(dim):
            out[i, d] = own[d] + target[d]


@kernel
@no_type_check
def _fours(n):
    return (n + 3) // 4 * 4


@kernel
@no_type_check
def _spread(halves, bits):
    for d in range(len(halves)):
        h = np.uint32(halves[d])
        bits[d] = ((h & np.uint32(0x8000)) << np.uint32(16)) | ((h & np.uint32(0x7FFF)) << np.uint32(13))


@kernel
@no_type_check
def _take(entry, indices, ratings, weights, table, half, at, bits, out):
    """out = an entry's factors times the root of its weight; return what `at` leaves unexplained, times the same."""
    scale = np.sqrt(weights[entry])
    if half:
        _spread(table[indices[entry]], bits)
        wide = bits.view(np.float32)
        for d in range(len(out)):
            out[d] = HALF * wide[d]
        told = _scaled(out, scale, at, out)
    else:
        told = _scaled(table[indices[entry]], scale, at, out)
    return scale * (ratings[entry] - told)


@kernel
@no_type_check
def _scaled(source, scale, at, out):
    """out = scale source; return source . at."""
    told = np.float32(0)
    for d in range(len(source)):
        told += source[d] * at[d]
        out[d] = scale * source[d]
    return told


@kernel
@no_type_check
def _dot(a, b):
    total = np.float32(0)
    for d in range(len(a)):
        total += a[d] * b[d]
    return total


@kernel
@no_type_check
def _axpy(scale, a, out):
    for d in range(len(a)):
        out[d] += scale * a[d]


@kernel
@no_type_check
def _tile(a, i, j, n, out):
    """out = the products of rows i to i + 3 with rows j to j + 3, over their first n columns."""
    a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
    b0, b1, b2, b3 = a[j], a[j + 1], a[j + 2], a[j + 3]
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = np.float32(0)
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = np.float32(0)
    for t in range(n):
        x0, x1, x2, x3 = a0[t], a1[t], a2[t], a3[t]
        y0, y1, y2, y3 = b0[t], b1[t], b2[t], b3[t]
        s00 += x0 * y0
        s01 += x0 * y1
        s02 += x0 * y2
        s03 += x0 * y3
        s10 += x1 * y0
        s11 += x1 * y1
        s12 += x1 * y2
        s13 += x1 * y3
        s20 += x2 * y0
        s21 += x2 * y1
        s22 += x2 * y2
        s23 += x2 * y3
        s30 += x3 * y0
        s31 += x3 * y1
        s32 += x3 * y2
        s33 += x3 * y3
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = s00, s01, s02, s03
    out[1, 0], out[1, 1], out[1, 2], out[1, 3] = s10, s11, s12, s13
    out[2, 0], out[2, 1], out[2, 2], out[2, 3] = s20, s21, s22, s23
    out[3, 0], out[3, 1], out[3, 2], out[3, 3] = s30, s31, s32, s33


@kernel
@no_type_check
def _add_gram(a, system):
    """Add a a' to the lower half of `system`, four rows by four."""
    tile = np.empty((4, 4), np.float32)
    for i in range(0, len(a), 4):
        for j in range(0, i + 1, 4):
            _tile(a, i, j, a.shape[1], tile)
            for r in range(4):
                for c in range(4):
                    system[i + r, j + c] += tile[r, c]


@kernel
@no_type_check
def _solve(system, size, strength, target):
    """target <- (system + strength)^-1 target by Cholesky in place, four columns at a time."""
    for i in range(size):
        system[i, i] += strength
    tile = np.empty((4, 4), np.float32)
    for j in range(0, size, 4):
        for i in range(j, size, 4):
            _tile(system, i, j, j, tile)
            for r in range(i, i + 4):
                for c in range(j, min(j + 4, r + 1)):
                    rest = system[r, c] - tile[r - i, c - j]
                    for t in range(j, c):
                        rest -= system[r, t] * system[c, t]
                    system[r, c] = np.sqrt(rest) if r == c else rest / system[c, c]
    for i in range(size):
        target[i] = (target[i] - _dot(system[i, :i], target[:i])) / system[i, i]
    for i in range(size - 1, -1, -1):
        target[i] /= system[i, i]
        _axpy(-target[i], system[i, :i], target[:i])
