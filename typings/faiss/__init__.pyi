"""The few names of faiss-cpu that timbred uses. The package's own hints import torch and name no search parameters."""

import numpy as np
from numpy.typing import NDArray

IO_FLAG_MMAP_IFC: int
METRIC_INNER_PRODUCT: int

class IDSelector: ...

class IDSelectorBitmap(IDSelector):
    def __init__(self, bitmap: NDArray[np.uint8]) -> None: ...

class SearchParameters:
    def __init__(self, *, sel: IDSelector | None = None) -> None: ...

class SearchParametersIVF(SearchParameters):
    def __init__(self, *, sel: IDSelector | None = None, nprobe: int = ...) -> None: ...

class ClusteringParameters:
    niter: int
    seed: int
    min_points_per_centroid: int
    max_points_per_centroid: int

class Index:
    d: int
    ntotal: int
    def train(self, x: NDArray[np.float32]) -> None: ...
    def add_with_ids(self, x: NDArray[np.float32], ids: NDArray[np.int64]) -> None: ...
    def search(
        self, x: NDArray[np.float32], k: int, *, params: SearchParameters | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...

class IndexFlatIP(Index):
    def __init__(self, d: int) -> None: ...

class Pointer:
    """To numbers that a library holds."""

class IdVector: ...

class InvertedLists:
    def list_size(self, list_no: int) -> int: ...
    def get_ids(self, list_no: int) -> Pointer: ...

class IndexIDMap2(Index):
    id_map: IdVector
    def __init__(self, index: Index) -> None: ...

class IndexIVFRaBitQ(Index):
    nlist: int
    invlists: InvertedLists
    cp: ClusteringParameters
    def __init__(
        self, quantizer: Index, d: int, nlist: int, metric: int, own_invlists: bool = ..., nb_bits: int = ..., /
    ) -> None: ...

def vector_to_array(vector: IdVector) -> NDArray[np.int64]: ...
def rev_swig_ptr(pointer: Pointer, n: int) -> NDArray[np.int64]: ...
def read_index(path: str, flags: int = ...) -> Index: ...
def write_index(index: Index, path: str) -> None: ...
def omp_set_num_threads(number: int) -> None: ...
