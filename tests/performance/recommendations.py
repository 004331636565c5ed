"""How often a recommendation is wrong: simulated experiments of deployments that are equal, and of one that is not.

``python -m tests.performance.recommendations``: a line for each number of deployments, in experiments of 8 blocks. A
block moves all of them together, and a run's own P99 scatters by 20%.
"""

from __future__ import annotations

import argparse

import numpy as np

from tests.unit.recommending.simulated import decided, number, scatter

BLOCKS = 8
FASTER = 0.7


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=4000)
    experiments = parser.parse_args().experiments
    print("             equal deployments            two equal,     one 30% faster")
    print("deployments  best claimed  best missed    rest far worse  found    wrong")
    for deployments in (2, 3, 4, 6, 12):
        rng = np.random.default_rng(deployments)
        equal, missed, worst, found, wrong = 0, 0, 0, 0, 0
        for _ in range(experiments):
            outcome = decided(scatter(rng, (BLOCKS, deployments), "normal"))
            equal += outcome.shown
            missed += 0 not in {number(each) for each in (outcome.ranking[0], *outcome.as_good)}
            factors = np.where(np.arange(deployments) < 2, 1.0, 4.0)
            worst += decided(scatter(rng, (BLOCKS, deployments), "normal") * factors).shown
            factors = np.where(np.arange(deployments) == 0, FASTER, 1.0)
            outcome = decided(scatter(rng, (BLOCKS, deployments), "normal") * factors)
            found += outcome.shown and number(outcome.ranking[0]) == 0
            wrong += outcome.shown and number(outcome.ranking[0]) != 0
        shares = [count / experiments for count in (equal, missed, worst, found, wrong)]
        columns = (f"{share:{width}.1%}" for share, width in zip(shares, (13, 12, 17, 12, 8), strict=True))
        print(f"{deployments:11d}", *columns, flush=True)


if __name__ == "__main__":
    main()
