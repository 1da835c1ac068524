"""A small exact model for OR-Tools CP-SAT: whole numbers, linear constraints, one sum to make as large as possible.

OR-Tools' own `cp_model` brings pandas, 45 MB in a router that has to be light; this builds the same model from the
parts below it, which hold no data frames. Expressions are written with the operators of Python.
"""

from collections.abc import Sequence
from typing import Any

from ortools.sat.python import cp_model_helper as parts
from ortools.util.python.sorted_interval_list import Domain

Variable = parts.IntVar
Expression = Any
"""A linear expression of variables, which the solver's stubs mix with every numeric type of numpy."""


class ExactModel(parts.CpBaseModel):
    """Variables and constraints are added, then it is solved once."""

    def __init__(self) -> None:
        super().__init__(None)

    def variable(self, spans: Sequence[tuple[int, int]]) -> Variable:
        """A whole number within one of these spans, their ends included."""
        return Variable(self.model_proto).with_domain(Domain.from_intervals([list(span) for span in spans]))

    def choice(self) -> Variable:
        """0 or 1."""
        return self.variable([(0, 1)])

    def constant(self, value: int) -> Variable:
        return Variable(self.model_proto, self.get_or_make_index_from_constant(value))

    def require(self, holds: Expression, *, when: Variable | None = None) -> None:
        """`holds` is a comparison of expressions; with `when` only where that choice is 1."""
        constraint = self._add_bounded_linear_expression(holds)  # type: ignore[attr-defined]  # stubs forget it
        if when is not None:
            constraint.only_enforce_if(when)

    def maximize(self, worth: Expression) -> None:
        flat = parts.FlatIntExpr(worth)
        goal = self.model_proto.objective
        goal.scaling_factor, goal.offset = -1.0, -flat.offset
        for variable, factor in zip(flat.vars, flat.coeffs, strict=True):
            goal.vars.append(variable.index)
            goal.coeffs.append(-factor)

    def solve(self, *, seed: int, deterministic_s: float, wall_s: float, presolve: bool = True) -> "Solution | None":
        """The best that one thread finds in these times; None when there is none.

        Without `presolve` the model is searched as it is written, which is sooner done where little time is given.
        """
        settings = parts.SatParameters()
        settings.num_workers = 1
        settings.random_seed = seed
        settings.cp_model_presolve = presolve
        settings.max_deterministic_time = deterministic_s
        settings.max_time_in_seconds = wall_s
        solver = parts.SolveWrapper()
        solver.set_parameters(settings)
        response = solver.solve(self.model_proto)  # type: ignore[no-untyped-call]
        return Solution(response) if response.status in (parts.OPTIMAL, parts.FEASIBLE) else None


class Solution:
    """What a solved model gives each expression."""

    def __init__(self, response: "parts.CpSolverResponse") -> None:
        self._response = response

    def value(self, expression: Expression) -> int:
        return int(parts.ResponseHelper.value(self._response, expression))
