"""Proofs that a list of stationary points is complete: without bias, with a shared bias, with a bias per feature.

The mathematics is in derivations/completeness.md. From the bottom: `intervals` is validated arithmetic in NumPy,
`machine` the same compiled, `tape` writes programs for it; `duals` are functions on boxes, `corners` the integrals that
are not polynomials, `enclosures` the equations in coordinates in which the search is a unit cube, `boxes` the tests "no
point here" and "one point here". `records` says what a proof consists of; `closed_form` and `affine` what is known
without a search, `points` what can be said about one zero, `searches` which searches a model needs and what follows
from their zeros. `unbiased` counts roots for b = 0, with `sturm`. `certificate` is the record of all that and its file,
`comparison` holds it against a list. `prover` finds certificates, with `bisection`; `verify` checks them without
either. `regions` proves all models of a rectangle at once; `checker` takes the certificates of both.
"""

from __future__ import annotations

from analytic.proofs.certificate import Certificate
from analytic.proofs.checker import verify_certificate
from analytic.proofs.prover import certify
from analytic.proofs.records import ProvedFlatSet, ProvedPoint, Reason, Roots, Searches, Unresolved
from analytic.proofs.regions.atlas import atlas
from analytic.proofs.regions.atlas_check import AtlasVerification, verify_atlas
from analytic.proofs.regions.certificate import RegionCertificate
from analytic.proofs.regions.prover import certify_region
from analytic.proofs.regions.sheets import Atlas, AtlasCell, Sheet
from analytic.proofs.verify import Verification

__all__ = [
    "Atlas",
    "AtlasCell",
    "AtlasVerification",
    "Certificate",
    "ProvedFlatSet",
    "ProvedPoint",
    "Reason",
    "RegionCertificate",
    "Roots",
    "Searches",
    "Sheet",
    "Unresolved",
    "Verification",
    "atlas",
    "certify",
    "certify_region",
    "verify_atlas",
    "verify_certificate",
]
