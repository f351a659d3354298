"""Proofs for all models of a rectangle of densities and importances: `certify_region`.

The mathematics is section 10 of derivations/completeness.md. `family` makes the constants of a model functions of
density and importance, and boxes move with the zeros; `tubes` are boxes with one zero for each model of a rectangle;
`closed` is what is known without a search, and `losses` which minimum is the best; `cell` puts a rectangle together
from that; `records` and `certificate` say what was proved. `prover` cuts rectangles until they are proved, `verify`
checks what it left.

`atlas` covers a whole diagram: `sheets` are what it consists of, `atlas_file` keeps them, `touching` says which cells
have models in common, and `atlas_check` checks all of it.
"""
