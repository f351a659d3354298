"""The exact loss and landscape of toy models of superposition.

Names load on first use, so that `import analytic` stays cheap.
"""

from importlib import import_module
from os.path import dirname
from typing import TYPE_CHECKING, Any

from analytic.compiled import drop_stale

if TYPE_CHECKING:
    from analytic.attraction.descent import descend as descend
    from analytic.attraction.fractions import Basins as Basins
    from analytic.attraction.fractions import basins as basins
    from analytic.attraction.maps import BasinMap as BasinMap
    from analytic.attraction.maps import basin_map as basin_map
    from analytic.attraction.passes import MountainPasses as MountainPasses
    from analytic.attraction.passes import mountain_passes as mountain_passes
    from analytic.attraction.plateaus import Plateau as Plateau
    from analytic.attraction.retrace import retrace as retrace
    from analytic.attraction.stationary import Stationary as Stationary
    from analytic.attraction.trajectories import Descent as Descent
    from analytic.checking.report import CheckReport as CheckReport
    from analytic.checking.report import check as check
    from analytic.checking.weights import read_weights as read_weights
    from analytic.diagrams.boundaries import PhaseBoundaries as PhaseBoundaries
    from analytic.diagrams.boundaries import phase_boundaries as phase_boundaries
    from analytic.diagrams.comparison import compare as compare
    from analytic.diagrams.phases import PhaseDiagram as PhaseDiagram
    from analytic.diagrams.phases import phase_diagram as phase_diagram
    from analytic.diagrams.surface import loss_surface as loss_surface
    from analytic.explorer.page import explore as explore
    from analytic.landscape.decay import decayed_loss as decayed_loss
    from analytic.landscape.decay import decayed_minimum as decayed_minimum
    from analytic.landscape.find import find_minima as find_minima
    from analytic.landscape.find import find_stationary_points as find_stationary_points
    from analytic.landscape.records import FlatSet as FlatSet
    from analytic.landscape.records import Landscape as Landscape
    from analytic.landscape.records import StationaryPoint as StationaryPoint
    from analytic.loss.symbolic import symbolic_loss as symbolic_loss
    from analytic.models.relu_output import ReluOutputModel as ReluOutputModel
    from analytic.models.toy import ToyModel as ToyModel
    from analytic.polytopes.dimensionality import feature_dimensionality as feature_dimensionality
    from analytic.polytopes.groups import geometry as geometry
    from analytic.proofs import Atlas as Atlas
    from analytic.proofs import Certificate as Certificate
    from analytic.proofs import RegionCertificate as RegionCertificate
    from analytic.proofs import atlas as atlas
    from analytic.proofs import certify as certify
    from analytic.proofs import certify_region as certify_region
    from analytic.proofs import verify_atlas as verify_atlas
    from analytic.proofs import verify_certificate as verify_certificate
    from analytic.search.branches import Branch as Branch
    from analytic.search.following import exchanges as exchanges
    from analytic.search.following import follow_minimum as follow_minimum
    from analytic.search.following import minimum_branches as minimum_branches
    from analytic.search.found import FoundMinimum as FoundMinimum
    from analytic.search.found import MinimaFound as MinimaFound
    from analytic.search.multistart import search_minima as search_minima
    from analytic.training.run import TrainingRun as TrainingRun
    from analytic.training.trainer import train as train

__version__ = "0.2.0"

drop_stale(dirname(__file__))

_NAMES = {
    "models.toy": ("ToyModel",),
    "models.relu_output": ("ReluOutputModel",),
    "loss.symbolic": ("symbolic_loss",),
    "landscape.find": ("find_minima", "find_stationary_points"),
    "search.multistart": ("search_minima",),
    "search.found": ("FoundMinimum", "MinimaFound"),
    "search.following": ("follow_minimum", "minimum_branches", "exchanges"),
    "search.branches": ("Branch",),
    "landscape.records": ("FlatSet", "Landscape", "StationaryPoint"),
    "diagrams.surface": ("loss_surface",),
    "diagrams.phases": ("phase_diagram", "PhaseDiagram"),
    "diagrams.boundaries": ("phase_boundaries", "PhaseBoundaries"),
    "proofs": ("certify", "Certificate", "certify_region", "RegionCertificate", "verify_certificate"),
    "proofs.regions.atlas": ("atlas",),
    "proofs.regions.sheets": ("Atlas",),
    "proofs.regions.atlas_check": ("verify_atlas",),
    "training.trainer": ("train",),
    "training.run": ("TrainingRun",),
    "landscape.decay": ("decayed_loss", "decayed_minimum"),
    "attraction.descent": ("descend",),
    "attraction.retrace": ("retrace",),
    "attraction.trajectories": ("Descent",),
    "attraction.plateaus": ("Plateau",),
    "attraction.stationary": ("Stationary",),
    "attraction.passes": ("mountain_passes", "MountainPasses"),
    "attraction.fractions": ("basins", "Basins"),
    "attraction.maps": ("basin_map", "BasinMap"),
    "polytopes.dimensionality": ("feature_dimensionality",),
    "polytopes.groups": ("geometry",),
    "checking.report": ("check", "CheckReport"),
    "diagrams.comparison": ("compare",),
    "checking.weights": ("read_weights",),
    "explorer.page": ("explore",),
}
_HOME = {name: f"analytic.{module}" for module, names in _NAMES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'analytic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
