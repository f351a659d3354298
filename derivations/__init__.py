"""From the definition of the loss to every formula that the package uses.

Run ``python -m derivations`` to derive everything, prove it, and write ``analytic/loss/kernels.py`` and
``derivations/derivation.md``; add ``--check`` to compare with the committed files instead.

Read in this order: ``patterns`` (where the ReLU is on), ``moments`` (the integrals), ``loss`` (loss, gradient, Hessian,
smoothness), ``pair`` (both outputs), ``variance``, ``unbiased`` (the algebra of b = 0), ``dedicated`` (an instability).
``kernels`` lists the functions of the generated file, as a ``program`` that ``printers`` write in Python or JavaScript;
``document`` writes the text.

``recurrence`` and ``polytopes`` continue with any number of features; ``features`` writes the chapter ``features.md``.
``lattice`` is about many independent features, its chapter is ``lattice.md``. ``statements`` lists all that is proved.
"""
