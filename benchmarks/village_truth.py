"""Villages whose truth is known: error, coverage, recall, P(top k) and false alarms, beside other packages.

Made counties (`creditlab.village.simulate`) are studied by direct rates, raw O/E, empirical Bayes without borrowers,
Poisson-gamma O/E, the village logit and BYM2; beside them esda (empirical Bayes, alone and spatial) and samplics
(Fay-Herriot), in a folder of their own. Every gate is printed with its bound and its verdict; exit code 1 when one
fails.

`--part` runs one part, `--seeds` counties per cell, `--first` the first seed, so that long runs can be cut up.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kstest, spearmanr

from benchmarks._peers import peer_path
from creditlab import village as vl
from creditlab.village.calibration import logit
from creditlab.village.likelihood import gather, tabulate
from creditlab.village.quadrature import LevelMixture, summarise
from creditlab.village.simulate import Book, village_book

#: cell of the coverage part → (options of the county, bounds of coverage, most width against the oracle)
CELLS: dict[str, tuple[dict[str, Any], tuple[float, float], float]] = {
    "300 villages, sd .5": ({"villages": 300, "sd": 0.5, "phi": 0.0}, (0.86, 0.94), 1.06),
    "300 villages, sd .25": ({"villages": 300, "sd": 0.25, "phi": 0.0}, (0.85, 0.95), 1.18),
    "80 villages, sd .5": ({"villages": 80, "sd": 0.5, "phi": 0.0}, (0.85, 0.95), 1.12),
    "skewed effects": ({"villages": 300, "sd": 0.5, "phi": 0.0, "shape": "skewed"}, (0.86, 0.96), np.inf),
    "heavy-tailed effects": ({"villages": 300, "sd": 0.5, "phi": 0.0, "shape": "heavy"}, (0.86, 0.96), np.inf),
    "spatial effects, phi .9": ({"villages": 300, "sd": 0.5, "phi": 0.9}, (0.86, 0.95), 1.06),
}
LEVEL, SMALL = 0.9, 10


class Gates:
    """What was promised, what was measured, and whether it holds."""

    def __init__(self) -> None:
        self.failed = 0

    def check(self, name: str, value: float, lo: float = -np.inf, hi: float = np.inf) -> None:
        held = lo <= value <= hi
        self.failed += not held
        bound = (
            f"{lo:g} … {hi:g}"
            if np.isfinite(lo) and np.isfinite(hi)
            else f"≤ {hi:g}"
            if np.isfinite(hi)
            else f"≥ {lo:g}"
        )
        print(f"  {'ok ' if held else 'NOT'}  {name}: {value:.4g}  ({bound})")


def pooled(book: Book) -> np.ndarray:
    """Log-odds of a logit of `bad` on `x` that knows no villages: what a bank's card would say."""
    X = np.column_stack([np.ones(len(book.loans)), book.loans["x"]])
    y, beta = book.loans["bad"].to_numpy(), np.zeros(2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-X @ beta))
        beta += np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p))
    return X @ beta


def counts(book: Book, offset: np.ndarray) -> pd.DataFrame:
    """Sums per village with loans: n bad expected variance, and the truth of those villages."""
    p = 1 / (1 + np.exp(-offset))
    frame = pd.DataFrame({"village": book.loans["village"], "n": 1, "bad": book.loans["bad"], "expected": p})
    frame["variance"] = p * (1 - p)
    return frame.groupby("village", as_index=False).sum().merge(book.truth.drop(columns="n"), on="village")


def accuracy(seeds: range, gates: Gates) -> None:
    """Error, coverage, recall of the worst tenth, rank correlation; P(top k) against what came true."""
    rows: list[dict[str, Any]] = []
    tops: list[pd.DataFrame] = []
    for seed in seeds:
        book = village_book(seed, villages=300, sd=0.5, phi=0.6)
        table = counts(book, pooled(book))
        k = len(table) // 10
        worst = table["effect"].rank(ascending=False) <= k
        truth = table["rate"].to_numpy()
        for found in _methods(book, table, k):
            top = pd.Series(found.score).rank(ascending=False, method="first").to_numpy() <= k
            rows.append({"method": found.method, **found.against(truth), "recall": float(worst[top].mean()),
                         "spearman": float(spearmanr(found.score, table["effect"]).statistic),
                         "cpu_s": found.seconds})  # fmt: skip
            if found.method == "BYM2, P(top k)":
                tops.append(pd.DataFrame({"p": found.score, "true": worst}))
    mean = pd.DataFrame(rows).groupby("method", sort=False).mean()
    mean.insert(1, "rmse/direct", mean["rmse"] / mean.loc["direct rate", "rmse"])
    print(mean.round(4).to_string())
    ratio, recall = mean["rmse/direct"], mean["recall"]
    gates.check("RMSE of empirical Bayes / direct", ratio["beta-binomial"], hi=0.65)
    gates.check("RMSE of village logit / direct", ratio["village logit"], hi=0.50)
    gates.check("RMSE of BYM2 / direct", ratio["BYM2"], hi=0.46)
    gates.check("coverage of BYM2", mean.loc["BYM2", "coverage"], 0.86, 0.94)
    gates.check("recall of BYM2 less direct", recall["BYM2, P(top k)"] - recall["direct rate"], lo=0.06)
    gates.check("recall by P(top k) less by mean", recall["BYM2, P(top k)"] - recall["BYM2"], lo=-0.01)
    for peer in [m for m in mean.index if m.startswith(("esda", "samplics"))]:
        gates.check(f"RMSE of BYM2 / {peer}", mean.loc["BYM2", "rmse"] / mean.loc[peer, "rmse"], hi=1)
        gates.check(f"recall of BYM2 less {peer}", recall["BYM2, P(top k)"] - recall[peer], lo=0)
    _calibration(pd.concat(tops), gates)


@dataclass(frozen=True)
class Found:
    """What a method says of the villages: what it ranks by, and perhaps rates with limits."""

    method: str
    score: Any
    seconds: float
    rate: Any = None
    lo: Any = None
    hi: Any = None

    def against(self, truth: np.ndarray) -> dict[str, float]:
        """Error and coverage of the rates."""
        found = {"rmse": np.nan, "coverage": np.nan}
        if self.rate is not None:
            found["rmse"] = float(np.sqrt(np.mean((np.asarray(self.rate) - truth) ** 2)))
        if self.lo is not None:
            found["coverage"] = float(((truth >= np.asarray(self.lo)) & (truth <= np.asarray(self.hi))).mean())
        return found


def _methods(book: Book, table: pd.DataFrame, k: int) -> Iterator[Found]:
    """Every method on one county."""
    bad, n, expected = (table[c].to_numpy(dtype=float) for c in ("bad", "n", "expected"))
    offset, village = pooled(book), book.loans["village"]
    fit, cpu = _timed(lambda: vl.rates(book.loans["bad"], village, level=LEVEL).tidy())
    yield Found("direct rate", bad / n, cpu, bad / n, fit["lo"], fit["hi"])
    yield Found("raw O/E", bad / expected, 0.0)
    fit, cpu = _timed(lambda: vl.BetaBinomial(level=LEVEL).fit(bad, n).result_.tidy())
    yield Found("beta-binomial", fit["estimate"], cpu, fit["estimate"], fit["lo"], fit["hi"])
    fit, cpu = _timed(lambda: vl.PoissonGamma(level=LEVEL).fit(bad, expected, table["variance"]).result_.tidy())
    rates = [fit[c] * expected / n for c in ("estimate", "lo", "hi")]
    yield Found("Poisson-gamma O/E", fit["estimate"], cpu, *rates)
    alone = vl.VillageLogit(level=LEVEL, top=k)
    fit, cpu = _timed(lambda: alone.fit(book.loans["bad"], offset, village).result_.tidy())
    yield Found("village logit", fit["effect"], cpu, fit["rate"], fit["rate_lo"], fit["rate_hi"])
    spatial = vl.VillageLogit(spatial="bym2", level=LEVEL, top=k, draws=4000)
    fit, cpu = _timed(lambda: spatial.fit(book.loans["bad"], offset, village, graph=book.graph).result_.tidy())
    yield Found("BYM2", fit["effect"], cpu, fit["rate"], fit["rate_lo"], fit["rate_hi"])
    yield Found("BYM2, P(top k)", fit["p_top"], cpu)
    yield from _peers(book, table, bad, n)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    return call(), time.process_time() - start


def _peers(book: Book, table: pd.DataFrame, bad: np.ndarray, n: np.ndarray) -> Iterator[Found]:
    """What esda and samplics offer for the same counts, where they can be had."""
    for name in ("esda", "samplics"):
        place = peer_path(name)
        if place is None:
            print(f"  {name} cannot be had here")
            continue
        if place and place not in sys.path:
            sys.path.append(place)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                yield from _esda(book, table, bad, n) if name == "esda" else _samplics(table, bad, n)
            except Exception as reason:  # a peer that fails on a county is left out of that county, and said so
                print(f"  {name} failed: {type(reason).__name__}: {str(reason)[:80]}")


def _esda(book: Book, table: pd.DataFrame, bad: np.ndarray, n: np.ndarray) -> Iterator[Found]:
    from esda.smoothing import Empirical_Bayes, Spatial_Empirical_Bayes
    from libpysal.weights import W

    rate, cpu = _timed(lambda: Empirical_Bayes(bad, n).r.reshape(-1))
    yield Found("esda empirical Bayes", rate, cpu, rate)
    near = book.graph.aligned(table["village"]).symmetric().tidy().groupby("village")["neighbour"].apply(list)
    ids = list(table["village"])
    weights = W({v: near.get(v, []) for v in ids}, id_order=ids, silence_warnings=True)
    rate, cpu = _timed(lambda: Spatial_Empirical_Bayes(bad, n, weights).r.reshape(-1))
    yield Found("esda spatial empirical Bayes", rate, cpu, rate)


def _samplics(table: pd.DataFrame, bad: np.ndarray, n: np.ndarray) -> Iterator[Found]:
    from samplics.sae import EblupAreaModel

    county = bad.sum() / n.sum()
    X = np.column_stack([np.ones(len(n)), table["x_mean"]])
    area = np.arange(len(n))

    def fitted() -> tuple[np.ndarray, np.ndarray]:
        model = EblupAreaModel()
        model.fit(yhat=bad / n, X=X, area=area, error_std=np.sqrt(county * (1 - county) / n), intercept=False)
        model.predict(X=X, area=area, intercept=False)
        return tuple(np.array([float(np.ravel(v[a])[0]) for a in area]) for v in (model.area_est, model.area_mse))

    (rate, mse), cpu = _timed(fitted)
    width = 1.6449 * np.sqrt(np.maximum(mse, 0))
    yield Found("samplics Fay-Herriot", rate, cpu, rate, rate - width, rate + width)


def _calibration(tops: pd.DataFrame, gates: Gates) -> None:
    """Ten bins of P(top k): the share that is truly among the worst, and the slope of one on the other."""
    bins = pd.cut(tops["p"], np.linspace(0, 1, 11), include_lowest=True)
    table = tops.groupby(bins, observed=True).agg(n=("p", "size"), p=("p", "mean"), true=("true", "mean"))
    print(table.round(3).to_string())
    x, y, w = table["p"], table["true"], table["n"]
    centre = (w * x).sum() / w.sum()
    gates.check(
        "slope of calibration of P(top k)",
        float((w * (x - centre) * y).sum() / (w * (x - centre) ** 2).sum()),
        0.8,
        1.2,
    )


def coverage(seeds: range, gates: Gates, cells: list[str]) -> None:
    """Coverage of 90 % intervals of rates and of O/E, all villages and those below ten loans; width to the oracle's."""
    for name in cells:
        options, bounds, widest = CELLS[name]
        rows = [row for seed in seeds for row in _covered(village_book(seed, **options))]
        table = pd.DataFrame(rows)
        small = table[table["n_small"] > 0].assign(inside=lambda f: f["small"] * f["n_small"])
        mean = table.groupby("method", sort=False).agg(
            coverage=("coverage", "mean"), sd=("coverage", "std"), worst=("coverage", "min"), width=("width", "mean")
        )
        sums = small.groupby("method")[["inside", "n_small"]].sum()
        mean["n<10"] = sums["inside"] / sums["n_small"]
        of_rates = mean.index.isin(["village logit, rate", "oracle"])
        mean["width/oracle"] = (mean["width"] / mean.loc["oracle", "width"]).where(of_rates)
        print(f"{name}, {len(seeds)} counties\n{mean.round(4).to_string()}")
        gates.check("coverage, rate by village logit", mean.loc["village logit, rate", "coverage"], *bounds)
        gates.check("coverage in villages below 10 loans", mean.loc["village logit, rate", "n<10"], lo=0.84)
        gates.check("mean width / oracle", mean.loc["village logit, rate", "width/oracle"], hi=widest)
        for method in ("village logit, O/E", "Poisson-gamma, O/E"):
            gates.check(f"coverage, {method}", mean.loc[method, "coverage"], *bounds)
            gates.check(f"coverage below 10 loans, {method}", mean.loc[method, "n<10"], lo=0.84)


def _covered(book: Book) -> Iterator[dict[str, Any]]:
    offset = pooled(book)
    table = counts(book, offset)
    small = (table["n"] < SMALL).to_numpy()
    rate, ratio = table["rate"].to_numpy(), (table["rate"] * table["n"] / table["expected"]).to_numpy()
    logit_fit = (
        vl.VillageLogit(level=LEVEL, draws=50).fit(book.loans["bad"], offset, book.loans["village"]).result_.tidy()
    )
    gamma = vl.PoissonGamma(level=LEVEL).fit(table["bad"], table["expected"], table["variance"]).result_.tidy()
    intervals = {
        "village logit, rate": (logit_fit["rate_lo"], logit_fit["rate_hi"], rate),
        "village logit, O/E": (logit_fit["ratio_lo"], logit_fit["ratio_hi"], ratio),
        "Poisson-gamma, O/E": (gamma["lo"], gamma["hi"], ratio),
        "oracle": (*_oracle(book), rate),
    }
    for method, (lo, hi, truth) in intervals.items():
        inside = (truth >= np.asarray(lo)) & (truth <= np.asarray(hi))
        yield {"method": method, "coverage": inside.mean(), "small": inside[small].mean() if small.any() else np.nan,
               "n_small": int(small.sum()), "width": float(np.mean(np.asarray(hi) - np.asarray(lo)))}  # fmt: skip


def _oracle(book: Book) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of one who knows intercept, slope and spread of the village effects."""
    codes, villages = np.unique(book.loans["village"], return_inverse=True)
    likelihood = tabulate(gather(book.loans["bad"].to_numpy(), book.offset, villages, len(codes)))
    shape = (1, len(codes))
    known = LevelMixture(
        likelihood=likelihood, weight=np.ones(1), mean=np.zeros(shape), sd=np.full(shape, book.truth["effect"].std()),
        shift=np.zeros(shape), scale=np.ones(shape), scores=lambda node, n, rng: (np.zeros((n, shape[1])), np.zeros(n)),
    )  # fmt: skip
    found = summarise(known, LEVEL)
    return found.rate_lo, found.rate_hi


def alarms(seeds: range, gates: Gates) -> None:
    """Counties where no village differs from what its borrowers explain: what cries wolf."""
    outside, moran, scanned, named = [], [], [], []
    for seed in seeds:
        book = village_book(seed, villages=200, sd=0.0)
        table = counts(book, pooled(book))
        limits = vl.funnel_limits(table["expected"], level=0.998).tidy()
        ratio = (table["bad"] / table["expected"]).to_numpy()
        outside.append(((ratio > limits["hi"]) | ((ratio < limits["lo"]) & (table["bad"] > 0))).mean())
        given = {"size": table["expected"], "variance": table["variance"], "village": table["village"]}
        moran.append(vl.moran(table["bad"].to_numpy(), book.graph, seed, **given).p_value)
        named.append(vl.lisa(table["bad"].to_numpy(), book.graph, seed=seed, **given).facts["named"] > 0)
        xy = book.villages.set_index("village").loc[table["village"]]
        scanned.append(vl.scan(table["bad"].to_numpy(), table["expected"], xy, seed, variance=table["variance"],
                               simulations=199).p_value)  # fmt: skip
    gates.check("share of villages outside the 99.8 % funnel", float(np.mean(outside)), hi=0.005)
    gates.check("Kolmogorov-Smirnov p of Moran's p-values", float(kstest(moran, "uniform").pvalue), lo=0.01)
    # two standard errors of a share of 5 % beside the ± 2 % of the gate
    slack = 2 * np.sqrt(0.05 * 0.95 / len(seeds))
    gates.check(
        "share of scans with p ≤ .05", float(np.mean(np.array(scanned) <= 0.05)), max(0.03 - slack, 0), 0.07 + slack
    )
    gates.check("share of counties where local Moran names a village", float(np.mean(named)), hi=0.05 + slack)


def decomposition(seeds: range, gates: Gates) -> None:
    """Gaps in parts: exact sums, and the sign of the context where the truth is mostly context."""
    exact, right, total = 0.0, 0, 0
    for seed in seeds:
        book = village_book(seed, villages=200, sd=0.6, median=30, confounding=(0.0, 0.4, -0.4)[seed % 3])
        loans = book.loans
        gap = vl.village_gap(loans["bad"], loans["pd_origin"], loans["village"], draws=200).tidy()
        exact = max(exact, float((gap["composition"] + gap["context"] + gap["noise"] - gap["gap"]).abs().max()))
        table = counts(book, book.offset)
        alone = table["expected"] / table["n"]
        context = (table["rate"] - alone).to_numpy()
        others = np.abs(alone - loans["pd_origin"].mean()) + np.abs(table["bad"] / table["n"] - table["rate"])
        mostly = np.abs(context) / (np.abs(context) + others.to_numpy()) > 0.6
        right += int((np.sign(gap["context"].to_numpy()) == np.sign(context))[mostly].sum())
        total += int(mostly.sum())
    gates.check("composition + context + noise - gap", exact, hi=1e-10)
    gates.check(f"sign of the context right where it is above 60 % ({total} villages)", right / total, lo=0.95)


def leakage(seeds: range, gates: Gates) -> None:
    """Cross-fitted PDs: outcomes at random say nothing on villages held out, and a village's outcomes not of itself."""
    import creditlab as cl

    auc, moved = [], 0.0
    for seed in seeds:
        book = village_book(seed, villages=60, sd=1.0, median=100)
        rng = np.random.default_rng(seed)
        X = book.loans[["x", "vintage"]].astype(float)
        village, y = book.loans["village"].to_numpy(), book.loans["bad"].to_numpy()
        X["place"] = book.truth["effect"].to_numpy()[village].round(1)  # a column that names the village, nearly
        shuffled = rng.permutation(y)
        held = np.isin(village, rng.permutation(60)[:30])  # one split: over folds, intercepts would lean the other way
        card = cl.Scorecard(select=None).fit(X[~held], shuffled[~held], groups=village[~held])
        prob = card.predict_proba(X[held])[:, 1]
        good, bads = np.sort(prob[shuffled[held] == 0]), prob[shuffled[held] == 1]
        ranks = (np.searchsorted(good, bads) + np.searchsorted(good, bads, "right")) / 2
        auc.append(float(ranks.mean() / len(good)))
        first = cl.cross_fit(cl.Scorecard(), X, y, village).to_numpy()
        own = village == village[0]
        second = cl.cross_fit(cl.Scorecard(), X, np.where(own, 1 - y, y), village).to_numpy()
        moved = max(moved, float(np.abs(first - second)[own].max()))
    gates.check("AUC of shuffled outcomes on villages held out", float(np.mean(auc)), 0.48, 0.52)
    gates.check("change of a village's PDs when its own outcomes are turned", moved, hi=0.0)


def selection(seeds: range, gates: Gates) -> None:
    """O/E where loans were granted on what the file does not show: bias with and without those refused."""
    rows = []
    for seed in seeds:
        book = village_book(seed, villages=200, sd=0.5, selection=1.0)
        every = book.applicants
        for name, frame in (("granted", every[every["granted"]]), ("all who asked", every)):
            fit = (
                vl.VillageLogit(draws=50).fit(frame["bad"], logit(frame["pd_origin"]), frame["village"]).result_.tidy()
            )
            table = fit.merge(book.truth[["village", "effect"]], on="village")
            worst = table.nlargest(20, "effect_y" if "effect_y" in table else "effect")
            truth = "effect_y" if "effect_y" in table else "effect"
            rows.append({"loans": name, "slope": np.polyfit(table[truth], table["effect_x"], 1)[0],
                         "worst twenty": float((worst["effect_x"] - worst[truth]).mean())})  # fmt: skip
    mean = pd.DataFrame(rows).groupby("loans").mean()
    print("estimated village effect on the true one, and error in the worst twenty (log-odds)")
    print(mean.round(3).to_string())
    gates.check(
        "slope, granted only, less all who asked",
        mean.loc["granted", "slope"] - mean.loc["all who asked", "slope"],
        hi=0.02,
    )


PARTS = {
    "accuracy": accuracy, "alarms": alarms, "decomposition": decomposition, "leakage": leakage, "selection": selection,
}  # fmt: skip
#: counties of each part when none are named
SEEDS = {"accuracy": 24, "coverage": 100, "alarms": 100, "decomposition": 24, "leakage": 12, "selection": 12}


def main(arguments: list[str] | None = None) -> int:
    """Print every part that was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--part", choices=[*PARTS, "coverage"], default=None)
    parser.add_argument("--cell", choices=list(CELLS), default=None, help="one cell of the part 'coverage'")
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args(arguments)
    gates = Gates()
    for part in [asked.part] if asked.part else ["accuracy", "coverage", *list(PARTS)[1:]]:
        seeds = range(asked.first, asked.first + (asked.seeds or SEEDS[part]))
        print(f"== {part}: {len(seeds)} counties from seed {seeds.start}")
        start = time.process_time()
        if part == "coverage":
            coverage(seeds, gates, [asked.cell] if asked.cell else list(CELLS))
        else:
            PARTS[part](seeds, gates)
        print(f"   {time.process_time() - start:.0f} CPU seconds")
    print("every gate holds" if not gates.failed else f"{gates.failed} gates do not hold")
    return int(gates.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
