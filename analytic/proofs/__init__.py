"""Proofs that a list of stationary points is complete: without bias, with one bias, with a bias per feature.

The mathematics is in derivations/completeness.md. From the bottom: `intervals` is validated arithmetic, `enclosures`
the equations in coordinates in which the search is a unit cube, `boxes` the tests "no point here" and "one point here",
`closed_form` and `shared` (one bias) what is known without a search, `points` what can be said about one zero,
`certificate` the record and what follows from it. `unbiased` counts roots for b = 0, with `sturm`. `prover` finds
certificates; `verify` checks them without using `prover`.
"""

from __future__ import annotations

from analytic.proofs.certificate import Certificate, ProvedPoint, Reason, Unresolved
from analytic.proofs.closed_form import Kind
from analytic.proofs.prover import certify
from analytic.proofs.unbiased import UnbiasedCertificate
from analytic.proofs.verify import Verification, verify_certificate

__all__ = [
    "Certificate",
    "Kind",
    "ProvedPoint",
    "Reason",
    "UnbiasedCertificate",
    "Unresolved",
    "Verification",
    "certify",
    "verify_certificate",
]
