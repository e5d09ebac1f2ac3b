"""Passes over rows that never form a system: sums, products, and steps of conjugate gradients, compiled.

Knows one row of a sparse table and the factors that it points to; nothing of threads or of `gram`. Four
factors are read at once and none is copied: a row's own stay in cache from one pass to the next.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from zahir.jit import kernel


@kernel
@no_type_check
def improve_some(which, indptr, indices, ratings, weights, table, prior, strength, steps, near, cold, out):
    """Move rows `which` of `out` by conjugate gradients towards their minima (Hestenes & Stiefel 1952).

    `prior` has one row, or one per row of `out`. A row is left alone once its slope is `near` times what
    it was. `cold` says that `out` is all zero: one pass less.
    """
    dim, longest = table.shape[1], 0
    for i in which:
        longest = max(longest, indptr[i + 1] - indptr[i])
    left = np.empty(longest, np.float32)
    slope, step = np.empty(dim, np.float32), np.empty(dim, np.float32)
    for i in which:
        first, k = indptr[i], indptr[i + 1] - indptr[i]
        own, x, s = prior[i if len(prior) > 1 else 0], out[i], strength[i]
        own_entries = indices[first : first + k]
        left[:k] = 0
        if not cold:
            _tell(own_entries, table, x, left)
        for j in range(k):
            left[j] = weights[first + j] * (ratings[first + j] - left[j])
        for d in range(dim):
            slope[d] = s * (own[d] - x[d])
        _sum(own_entries, left, np.float32(1), table, slope)
        step[:] = slope
        size = _square(slope)
        goal = near * near * size
        for done in range(steps):
            if size <= goal:
                break
            _tell(own_entries, table, step, left)
            bend = s * _square(step)
            for j in range(k):
                bend += weights[first + j] * left[j] * left[j]
                left[j] *= weights[first + j]
            length = size / bend
            for d in range(dim):
                x[d] += length * step[d]
            if done == steps - 1:
                break
            for d in range(dim):
                slope[d] -= length * s * step[d]
            _sum(own_entries, left, -length, table, slope)
            before = size
            size = _square(slope)
            for d in range(dim):
                step[d] = slope[d] + (size / before) * step[d]


@kernel
@no_type_check
def sum_some(which, indptr, indices, values, table, scale, other, weight, keep, out):
    """out[i] = scale * (sum of value times factors over row i's entries) - weight * other[i] - keep * out[i]."""
    for i in which:
        x, aside = out[i], other[i]
        for d in range(len(x)):
            x[d] = -weight * aside[d] - keep * x[d]
        _sum(indices[indptr[i] : indptr[i + 1]], values[indptr[i] : indptr[i + 1]], scale, table, x)


@kernel
@no_type_check
def tell_some(which, indptr, indices, rows, table, out):
    """out[e] = rows[i] . table[indices[e]] for the entries e of rows `which`."""
    for i in which:
        _tell(indices[indptr[i] : indptr[i + 1]], table, rows[i], out[indptr[i] : indptr[i + 1]])


@kernel
@no_type_check
def _tell(entries, table, x, out):
    """out[j] = x . table[entries[j]]."""
    j = 0
    while j + 4 <= len(entries):
        a0, a1, a2, a3 = table[entries[j]], table[entries[j + 1]], table[entries[j + 2]], table[entries[j + 3]]
        s0 = s1 = s2 = s3 = np.float32(0)
        for d in range(len(x)):
            v = x[d]
            s0 += v * a0[d]
            s1 += v * a1[d]
            s2 += v * a2[d]
            s3 += v * a3[d]
        out[j], out[j + 1], out[j + 2], out[j + 3] = s0, s1, s2, s3
        j += 4
    while j < len(entries):
        a0, s0 = table[entries[j]], np.float32(0)
        for d in range(len(x)):
            s0 += x[d] * a0[d]
        out[j] = s0
        j += 1


@kernel
@no_type_check
def _sum(entries, values, scale, table, out):
    """out += scale * (sum of values[j] table[entries[j]])."""
    j = 0
    while j + 4 <= len(entries):
        a0, a1, a2, a3 = table[entries[j]], table[entries[j + 1]], table[entries[j + 2]], table[entries[j + 3]]
        c0, c1, c2, c3 = scale * values[j], scale * values[j + 1], scale * values[j + 2], scale * values[j + 3]
        for d in range(len(out)):
            out[d] += (c0 * a0[d] + c1 * a1[d]) + (c2 * a2[d] + c3 * a3[d])
        j += 4
    while j < len(entries):
        a0, c0 = table[entries[j]], scale * values[j]
        for d in range(len(out)):
            out[d] += c0 * a0[d]
        j += 1


@kernel
@no_type_check
def _square(a):
    total = np.float32(0)
    for d in range(len(a)):
        total += a[d] * a[d]
    return total
