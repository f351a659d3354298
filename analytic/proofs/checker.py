"""`verify_certificate`: a certificate of one model or of a rectangle of models, or a file of one, checked."""

from __future__ import annotations

from analytic.files import PathLike, read_json, reading
from analytic.proofs.certificate import Certificate
from analytic.proofs.regions.certificate import FORMAT, RegionCertificate
from analytic.proofs.regions.verify import verify_region
from analytic.proofs.verify import Verification, verify_model


def verify_certificate(source: PathLike | Certificate | RegionCertificate, *, compiled: bool = True) -> Verification:
    """Check a certificate or a file written by its `save`.

    Parameters
    ----------
    source : Certificate, RegionCertificate or path
    compiled : bool
        Whether to compute intervals with the compiled machine and the programs for it, which found the proof; else in
        plain NumPy, about twenty times slower.

    Returns
    -------
    Verification
        `valid`: every claim in it was proved again; `complete`: the claims say which stationary points exist, without
        exception; `objections`: a sentence for each claim that was not proved.

    Raises
    ------
    InvalidValue
        If a file is not a certificate; it says why.
    """
    certificate = source if isinstance(source, (Certificate, RegionCertificate)) else _loaded(source)
    if isinstance(certificate, RegionCertificate):
        return verify_region(certificate, compiled)
    return verify_model(certificate, compiled)


def _loaded(path: PathLike) -> Certificate | RegionCertificate:
    with reading(path, "certificate"):
        of_region = read_json(path, "certificate").get("format") == FORMAT
    return RegionCertificate.load(path) if of_region else Certificate.load(path)
