"""Optuna and pymoo searching a table of known architectures.

Takes a file that holds the problem as JSON and prints a line of JSON for each seed as it is done, after one with the
versions of the libraries; bench/peers/search.ts says what they hold. Knows nothing of what is compared with it.
"""

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

ROUND = 10
POPULATION = 20
# Proposals in all, by the evaluations asked for, after which a peer ends with what it has. Repeats are told like any
# result: Optuna's TPE repeats itself the more the longer it searches, and for ever where repeats are not told to it.
TRIES = 5


class Table:
    def __init__(self, problem: dict[str, Any]):
        self.categories: list[int] = problem["categories"]
        self.evaluations: int = problem["evaluations"]
        self.reward: list[float] = problem["reward"]
        self.cost: list[float] = problem["cost"]
        self.rows = {tuple(code): row for row, code in enumerate(problem["codes"])}
        # What an architecture gets that the table does not have.
        self.worst = (min(self.reward), max(self.cost))


class Run:
    """What one seed evaluates: a row again costs nothing."""

    def __init__(self, table: Table):
        self.table = table
        self.paid: dict[int, None] = {}
        self.proposals = 0
        self.cpu_ms: list[float] = []
        self.started = time.process_time()

    @property
    def is_over(self) -> bool:
        evaluations = self.table.evaluations
        return len(self.paid) >= evaluations or self.proposals >= TRIES * evaluations

    def evaluate(self, code: tuple[int, ...]) -> tuple[float, float]:
        self.proposals += 1
        row = self.table.rows.get(code)
        if row is None:
            return self.table.worst
        # The time up to a round's last result counts as the round's when the next round begins.
        if row not in self.paid and len(self.paid) % ROUND == 0 and self.paid:
            self.note_time()
        self.paid.setdefault(row)
        return self.table.reward[row], self.table.cost[row]

    def note_time(self) -> None:
        self.cpu_ms.append(1000 * (time.process_time() - self.started))

    def result(self, seed: int) -> dict[str, Any]:
        self.note_time()
        return {"seed": seed, "rows": list(self.paid)[: self.table.evaluations], "cpuMs": self.cpu_ms}


def run_optuna(sampler_of: Callable[[int], Any], run: Run, seed: int) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of(seed))
    while not run.is_over:
        trial = study.ask()
        code = tuple(
            trial.suggest_categorical(f"position{index}", range(count))
            for index, count in enumerate(run.table.categories)
        )
        study.tell(trial, run.evaluate(code))


def optuna_nsga2(run: Run, seed: int) -> None:
    from optuna.samplers import NSGAIISampler

    run_optuna(lambda seed: NSGAIISampler(population_size=POPULATION, seed=seed), run, seed)


def optuna_tpe(run: Run, seed: int) -> None:
    from optuna.samplers import TPESampler

    run_optuna(lambda seed: TPESampler(seed=seed), run, seed)


def pymoo_nsga2(run: Run, seed: int) -> None:
    """Uniform crossover and another category at one position on average.

    pymoo's own mutation of categories goes variable by variable and changes each with probability a half, which is
    worse here.
    """
    import numpy as np
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.mutation import Mutation
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.termination import get_termination

    categories = np.array(run.table.categories)

    class TableProblem(Problem):
        def __init__(self) -> None:
            super().__init__(n_var=len(categories), n_obj=2, xl=0, xu=categories - 1, vtype=int)

        def _evaluate(self, x, out, *args, **kwargs):
            values = [run.evaluate(tuple(int(category) for category in code)) for code in x]
            out["F"] = np.array([[-reward, cost] for reward, cost in values])

    class CategoryMutation(Mutation):
        def _do(self, problem, X, *args, random_state=None, **kwargs):
            rate = self.get_prob_var(problem, size=len(X))
            changes = random_state.random(X.shape) < np.reshape(rate, (-1, 1))
            return np.where(changes, random_state.integers(0, categories, X.shape), X)

    problem = TableProblem()
    algorithm = NSGA2(
        pop_size=POPULATION,
        sampling=IntegerRandomSampling(),
        crossover=UX(),
        mutation=CategoryMutation(),
        eliminate_duplicates=True,
    )
    algorithm.setup(problem, termination=get_termination("n_gen", 10**9), seed=seed, verbose=False)
    while not run.is_over:
        children = algorithm.ask()
        if children is None or len(children) == 0:
            break
        algorithm.evaluator.eval(problem, children)
        algorithm.tell(infills=children)


class Peer(NamedTuple):
    library: str
    search: Callable[[Run, int], None]


PEERS = {
    "optuna-nsga2": Peer("optuna", optuna_nsga2),
    "optuna-tpe": Peer("optuna", optuna_tpe),
    "pymoo-nsga2": Peer("pymoo", pymoo_nsga2),
}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        problem = json.load(file)
    peer = PEERS[sys.argv[2]]
    seeds = [int(seed) for seed in sys.argv[3].split(",")]
    table = Table(problem)
    say({"versions": {peer.library: importlib.metadata.version(peer.library)}})
    for seed in seeds:
        run = Run(table)
        peer.search(run, seed)
        say(run.result(seed))


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
