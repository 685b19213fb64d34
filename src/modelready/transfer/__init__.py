"""Bring a file's bytes over HTTP: resumed across processes, proved as they arrive, named only when right."""

from modelready.network.access import Access
from modelready.transfer.beginnings import LEAST, begin
from modelready.transfer.bring import bring
from modelready.transfer.copying import copy
from modelready.transfer.parts import kept
from modelready.transfer.wanted import Proof, Wanted, Watcher

__all__ = ["LEAST", "Access", "Proof", "Wanted", "Watcher", "begin", "bring", "copy", "kept"]
