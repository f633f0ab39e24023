"""Small counties with a known truth, for the tests of this folder."""

import numpy as np
import pandas as pd


def county(seed=0, villages=300, sd=0.5, median=25, base=-3.2, slope=0.8, effects=None):
    """Loans in villages: Bernoulli, one household column whose village mean varies, normal village effects.

    Returns loans (village, x, log_odds without the effect, pd, bad) and villages (n, effect, rate).
    """
    rng = np.random.default_rng(seed)
    n = np.maximum(np.round(np.exp(rng.normal(np.log(median), 0.72, villages))), 2).astype(int)
    village = np.repeat(np.arange(villages), n)
    effect = rng.normal(0, sd, villages) if effects is None else effects
    x = rng.normal(0, 0.5, villages)[village] + rng.normal(size=len(village))
    log_odds = base + slope * x
    prob = 1 / (1 + np.exp(-log_odds - effect[village]))
    loans = pd.DataFrame({"village": village, "x": x, "log_odds": log_odds, "pd": prob})
    loans["bad"] = (rng.random(len(village)) < prob).astype(int)
    return loans, pd.DataFrame({"n": n, "effect": effect, "rate": np.bincount(village, prob) / n})


def pooled(loans):
    """Log-odds of a logit of `bad` on `x` that knows no villages: what a bank's card would say."""
    X = np.column_stack([np.ones(len(loans)), loans["x"]])
    beta = np.zeros(2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-X @ beta))
        beta += np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X, X.T @ (loans["bad"] - p))
    return X @ beta
