"""Optuna and pymoo searching architectures whose values are known.

Takes a file that holds the problem as JSON and prints a line of JSON for each seed as it is done, after one with the
versions of the libraries; bench/peers/search.ts says what they hold. Where the problem has no table, it prints a line
for each architecture that it wants to know and reads the answer from its standard input. Knows nothing of what is
compared with it.
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


class Answer(NamedTuple):
    row: int | None
    reward: float
    cost: float


class Table:
    is_noisy = False

    def __init__(self, problem: dict[str, Any]):
        self.reward: list[float] = problem["reward"]
        self.cost: list[float] = problem["cost"]
        self.rows = {tuple(code): row for row, code in enumerate(problem["codes"])}
        # What an architecture gets that the table does not have.
        self.worst = Answer(None, min(self.reward), max(self.cost))

    def begin(self, seed: int) -> None:
        pass

    def answer(self, code: tuple[int, ...]) -> Answer:
        row = self.rows.get(code)
        return self.worst if row is None else Answer(row, self.reward[row], self.cost[row])


class Questions:
    """Asks whoever started this process."""

    def __init__(self, problem: dict[str, Any]):
        self.is_noisy: bool = problem["noisy"]

    def begin(self, seed: int) -> None:
        say({"kind": "begin", "seed": seed})

    def answer(self, code: tuple[int, ...]) -> Answer:
        say({"kind": "ask", "code": code})
        return Answer(*json.loads(sys.stdin.readline()))


class Run:
    """What one seed evaluates: a row again costs nothing, unless measuring it again may tell something else."""

    def __init__(self, categories: list[int], evaluations: int, source: Table | Questions):
        self.categories = categories
        self.evaluations = evaluations
        self.source = source
        self.known: set[int] = set()
        self.rows: list[int] = []
        self.rewards: list[float] = []
        self.proposals = 0
        self.cpu_ms: list[float] = []
        self.started = time.process_time()

    @property
    def is_over(self) -> bool:
        return len(self.rows) >= self.evaluations or self.proposals >= TRIES * self.evaluations

    def evaluate(self, code: tuple[int, ...]) -> tuple[float, float]:
        self.proposals += 1
        row, reward, cost = self.source.answer(code)
        if row is not None and (self.source.is_noisy or row not in self.known):
            # The time up to a round's last result counts as the round's when the next round begins.
            if len(self.rows) % ROUND == 0 and self.rows:
                self.note_time()
            self.known.add(row)
            self.rows.append(row)
            self.rewards.append(reward)
        return reward, cost

    def note_time(self) -> None:
        self.cpu_ms.append(1000 * (time.process_time() - self.started))

    def result(self, seed: int) -> dict[str, Any]:
        self.note_time()
        end = self.evaluations
        return {"kind": "run", "seed": seed, "rows": self.rows[:end], "rewards": self.rewards[:end], "cpuMs": self.cpu_ms}


def run_optuna(sampler_of: Callable[[int], Any], run: Run, seed: int) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of(seed))
    while not run.is_over:
        trial = study.ask()
        code = tuple(
            trial.suggest_categorical(f"position{index}", range(count))
            for index, count in enumerate(run.categories)
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

    categories = np.array(run.categories)

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
    source = Questions(problem) if problem["codes"] is None else Table(problem)
    say({"kind": "versions", "versions": {peer.library: importlib.metadata.version(peer.library)}})
    for seed in seeds:
        source.begin(seed)
        run = Run(problem["categories"], problem["evaluations"], source)
        peer.search(run, seed)
        say(run.result(seed))


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
