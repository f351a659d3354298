"""A client in the style of the courses, in PyTorch where it is installed: it shares no line with the package."""

from __future__ import annotations

import pytest

from analytic.checking.report import check
from analytic.testing import assert_converged

torch = pytest.importorskip("torch")


def trained(shape, sparsity, *, steps, lr, batch=1024, schedule=None, bias=False):
    """Models of shape (instances, hidden, features), trained with the mean over features; W and b as parameters."""
    torch.set_num_threads(1)  # matrices this small only wait for each other
    torch.manual_seed(0)
    W = torch.nn.Parameter(torch.empty(shape))
    torch.nn.init.xavier_normal_(W)
    b = torch.nn.Parameter(torch.zeros(shape[0], shape[2]))
    rule = torch.optim.Adam([W, b] if bias else [W], lr=lr)
    fading = torch.optim.lr_scheduler.LambdaLR(rule, (lambda step: 1 - step / steps) if schedule else lambda step: 1.0)
    for _ in range(steps):
        x = torch.rand(batch, shape[0], shape[2]) * (torch.rand(batch, shape[0], shape[2]) > sparsity)
        hidden = torch.einsum("bif,ihf->bih", x, W)
        error = x - torch.relu(torch.einsum("bih,ihf->bif", hidden, W) + b)
        loss = (error**2).mean(dim=(0, 2)).sum()
        rule.zero_grad()
        loss.backward()
        rule.step()
        fading.step()
    return W, b


@pytest.mark.slow
def test_models_trained_by_independent_code_in_the_style_of_the_courses():
    W, _ = trained((6, 1, 2), 0.5, steps=6000, lr=1e-3)
    assert_converged(W, importance=1.0, sparsity=0.5, reduction="mean", batch=1024, lr=1e-3)


@pytest.mark.parametrize("schedule", [None, "linear"])
def test_its_parameters_are_checked_as_they_are(schedule):
    settings = {"lr": 1e-2, "schedule": schedule or "constant", "optimizer": "Adam"}
    W, b = trained((4, 1, 2), 0.5, steps=800, lr=1e-2, batch=256, schedule=schedule)
    assert W.requires_grad
    problem = {"importance": torch.tensor(1.0), "sparsity": torch.tensor(0.5), "reduction": "mean"}
    assert_converged(W, b, bias="none", batch=256, **settings, **problem)
    assert_converged({"W": W, "b_final": b}, bias="none", batch=256, **settings, **problem)


def test_larger_models_too():
    W, b = trained((3, 2, 5), 0.7, steps=1500, lr=1e-2, batch=256, schedule="linear", bias=True)
    settings = {"batch": 256, "lr": 1e-2, "schedule": "linear", "optimizer": torch.optim.Adam}
    report = check(W, b, importance=torch.ones(5), sparsity=torch.full((3, 1), 0.7), reduction="mean", **settings)
    assert len(report) == 3
    assert sum(each.converged for each in report) >= 2
    early, b = trained((3, 2, 5), 0.7, steps=20, lr=1e-2, batch=256, bias=True)
    assert not check(early, b, importance=1.0, sparsity=0.7, reduction="mean", **settings).converged
