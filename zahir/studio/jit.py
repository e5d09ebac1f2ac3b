"""The one way kernels are compiled, by the name that the studio's files know. Knows nothing but where it is."""

from zahir.jit import kernel

__all__ = ["kernel"]
