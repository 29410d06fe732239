"""Forms assembled from tables beside scikit-fem."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import legendre
from skfem import BilinearForm, CellBasis, LinearForm
from skfem.element import ElementH1
from skfem.refdom import RefLine

import felif as fl
from felif import spaces
from felif.assembly.assembler import Assembler
from felif.translation import weak_form_of
from felif.translation.weak_form import Term


class Nodal(ElementH1):
    """Line element with the Lobatto points as nodes."""

    nodal_dofs = 1
    refdom = RefLine

    def __init__(self, degree):
        nodes, _ = spaces.lobatto(degree)
        self.maxdeg = degree
        self.interior_dofs = degree - 1
        self.dofnames = ["u"] * degree
        #: position of each local degree of freedom among the sorted nodes: scikit-fem counts end points first
        self.order = np.r_[0, degree, 1:degree]
        self.doflocs = nodes[self.order][:, None]
        modal = spaces.modal_transform(degree)[:, self.order]
        self._value, self._slope = modal, 2 * legendre.legder(modal)

    def lbasis(self, X, i):
        t = 2 * X[0] - 1
        return legendre.legval(t, self._value)[i], legendre.legval(t, self._slope)[i][None]


def drift_and_noise(n, phi, x):
    return (np.sin(x[0]) - x[0]) * n * phi.grad[0] - (1 + x[0] ** 2) * n.grad[0] * phi.grad[0] + np.cos(x[0]) * n * phi


@pytest.mark.parametrize("space", [fl.SpectralElement(2), fl.SpectralElement(6), fl.SpectralElement(9), fl.Lagrange(3)])
@pytest.mark.parametrize("over", ["cells", "above"])
def test_matrices_and_integrals_are_those_of_scikit_fem(space, over):
    model = fl.RandomThresholdLIF(b=1.0)
    mesh = fl.interval(model, v_min=-4.0, v_max=5.0, cells=9, grading=1.4)
    assembler = Assembler(weak_form_of(model), mesh, space)
    element, (points, weights) = Nodal(space.degree), spaces.quadrature(space, space.degree)
    elements = None if over == "cells" else mesh.subdomains[over]
    basis = CellBasis(mesh, element, quadrature=(points[None], weights), elements=elements)
    number = np.empty(basis.N, int)  # of the nodes, sorted; those of all cells are there, whichever basis it is
    full = CellBasis(mesh, element, quadrature=(points[None], weights))
    number[np.argsort(full.doflocs[0])] = np.arange(basis.N)
    expected = np.zeros((basis.N, basis.N))
    expected[np.ix_(number, number)] = (
        BilinearForm(lambda u, v, w: drift_and_noise(u, v, w.x)).assemble(basis).toarray()
    )
    found = assembler._matrix(Term("all", into="n", of="n", form=drift_and_noise, over=over)).dense()
    assert np.abs(found - expected).max() < 1e-14 * np.abs(expected).max()  # measured: up to 3e-15
    integrals = np.zeros(basis.N)
    integrals[number] = LinearForm(lambda v, w: w.x[0] ** 2 * v).assemble(basis)
    rows = assembler._functional(assembler.table(over), lambda n, x: x[0] ** 2 * n)
    assert np.abs(rows - integrals).max() < 1e-14 * np.abs(integrals).max()
