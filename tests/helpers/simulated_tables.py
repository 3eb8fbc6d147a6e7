"""Random result tables shaped like a study's, so that figures and report can be tried without running one."""

import numpy as np
import pandas as pd

COLORS = """turquoise blue brown yellow green red black pink magenta purple greenyellow tan salmon cyan midnightblue lightcyan
grey60 lightgreen lightyellow royalblue""".split()  # noqa: SIM905
FEATURES = [f"original_glcm_Feature{number}" for number in range(1, 30)] + [
    "Size/Lesion volume (S1)",
    "Variance of Radial Gradient Histogram (vRGH) (M3)",
    "Enhancement-Variance Time to Peak (E2)",
    "IMC1 (T8)",
    "Sphericity (G1)",
    "Maximum Correlation Coefficient (T10)",
    "Surface Area to Volume ratio (G3)",
]
PATHWAYS = [
    "KEGG_MAPK_SIGNALING_PATHWAY",
    "KEGG_NATURAL_KILLER_CELL_MEDIATED_CYTOTOXICITY",
    "KEGG_CELL_CYCLE",
    "KEGG_P53_SIGNALING_PATHWAY",
    "KEGG_CYTOKINE_CYTOKINE_RECEPTOR_INTERACTION",
    "KEGG_WNT_SIGNALING_PATHWAY",
    "KEGG_ANTIGEN_PROCESSING_AND_PRESENTATION",
    "KEGG_ARRHYTHMOGENIC_RIGHT_VENTRICULAR_CARDIOMYOPATHY_ARVC",
] + [f"KEGG_INVENTED_PATHWAY_NUMBER_{number}" for number in range(80)]


def inclusion() -> pd.DataFrame:
    rows = [
        ("TCGA-BRCA", "with imaging features", 91, 0, ""),
        ("TCGA-BRCA", "with expression", 88, 3, "no tumour expression profile under the barcode"),
        ("TCGA-BRCA", "with lymph node status", 87, 1, "nodes not assessed (NX)"),
    ]
    return pd.DataFrame(rows, columns=["cohort", "step", "n", "excluded", "reason"])


def two_cohorts() -> pd.DataFrame:
    rows = [
        ("external", "simulated", 60, 0, ""),
        ("external", "with a lesion mask that lies inside its image", 58, 2, "mask outside the image"),
        ("external", "with outcome", 57, 1, "outcome missing"),
    ]
    return pd.concat([inclusion(), pd.DataFrame(rows, columns=inclusion().columns)], ignore_index=True)


def evaluation() -> pd.DataFrame:
    rows = [
        ("TCGA-BRCA", "radiomic forest", "apparent", 1.0, 0.99, 1.0, np.nan),
        ("TCGA-BRCA", "radiomic forest", "published", 0.93, 0.87, 0.98, np.nan),
        ("TCGA-BRCA", "radiomic forest", "nested", 0.58, 0.46, 0.70, 0.118),
        ("TCGA-BRCA", "radiomic forest", "optimism", 0.61, np.nan, np.nan, np.nan),
        ("TCGA-BRCA", "lesion volume", "volume", 0.63, 0.51, 0.75, np.nan),
    ]
    columns = ["cohort", "signature", "estimate", "auc", "auc_low", "auc_high", "p"]
    return pd.DataFrame(rows, columns=columns).assign(
        n=87, events=42, threshold=0.47, sensitivity=0.62, specificity=0.56, ppv=0.57, npv=0.61, accuracy=0.59
    )


def signatures(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    outcome = np.repeat([0.0, 1.0], [45, 42])
    patients = [f"TCGA-{number:04d}" for number in range(87)]
    parts = []
    for estimate, shift in (("apparent", 0.55), ("nested", 0.04), ("volume", 0.08)):
        score = np.clip(0.2 + shift * outcome + rng.normal(0, 0.12, 87) + (0.15 if estimate == "nested" else 0), 0, 1)
        name = "lesion volume" if estimate == "volume" else "radiomic forest"
        parts.append(
            pd.DataFrame(
                {
                    "patient": patients,
                    "cohort": "TCGA-BRCA",
                    "signature": name,
                    "estimate": estimate,
                    "outcome": outcome,
                    "score": score,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def curves() -> pd.DataFrame:
    parts = []
    for (signature, estimate), part in signatures().groupby(["signature", "estimate"], sort=False):
        cuts = np.append(np.sort(part["score"]), np.inf)
        called = part["score"].to_numpy()[None, :] >= cuts[:, None]
        event = part["outcome"].eq(1).to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "cohort": "TCGA-BRCA",
                    "signature": signature,
                    "estimate": estimate,
                    "threshold": cuts,
                    "sensitivity": called[:, event].mean(1),
                    "specificity": 1 - called[:, ~event].mean(1),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def modules(n_modules: int = 20, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sizes = np.sort(rng.integers(30, 300, n_modules))[::-1]
    number = np.concatenate([np.repeat(np.arange(1, n_modules + 1), sizes), np.zeros(150, int)])
    color = np.array(["grey", *COLORS])[number]
    genes = pd.Index([f"GENE{place}" for place in range(number.size)], name="gene")
    return pd.DataFrame({"module": number, "color": color, "kme": rng.uniform(0.3, 0.95, number.size)}, index=genes)


def links(
    features: list[str], targets: list[str], family: str, *, strong: int = 3, n: int = 87, estimate: str = "nested", seed: int = 2
) -> pd.DataFrame:
    from scipy.stats import t as student

    rng = np.random.default_rng(seed)
    pairs = pd.MultiIndex.from_product([features, targets], names=["feature", "target"]).to_frame(index=False)
    effect = rng.normal(0, 1 / np.sqrt(n - 1), len(pairs))
    effect[rng.choice(len(pairs), strong, replace=False)] = rng.choice([-0.5, 0.5, 0.55], strong)
    p = 2 * student.sf(np.abs(effect) * np.sqrt((n - 2) / (1 - effect**2)), n - 2)
    order = np.argsort(p)
    q = np.empty_like(p)
    q[order] = np.minimum.accumulate((p[order] * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    z, half = np.arctanh(effect), 1.96 / np.sqrt(n - 3)
    imaging, molecular = family.split(" x ")
    return pairs.assign(
        imaging=imaging.removesuffix(" features"),
        molecular=molecular,
        adjustment="",
        family=family,
        effect=effect,
        effect_low=np.tanh(z - half),
        effect_high=np.tanh(z + half),
        n=n,
        p=p,
        q=q.clip(max=1),
        p_permutation=p,
        p_max_t=(p * len(p)).clip(max=1),
        estimate=estimate,
    )


def all_links() -> pd.DataFrame:
    eigengenes = [f"ME{number}" for number in range(1, 21)]
    return pd.concat(
        [
            links(["radiomic forest"], eigengenes, "signature x modules", strong=0),
            links(["radiomic forest"], eigengenes, "signature x modules", strong=6, estimate="published", seed=9),
            links(FEATURES, eigengenes, "features x modules", strong=5, seed=3),
            links(FEATURES, PATHWAYS, "features x pathways", strong=9, seed=4),
            links(["radiomic forest"], PATHWAYS, "signature x pathways", strong=0, seed=5),
        ],
        ignore_index=True,
    )


def link_null() -> pd.DataFrame:
    rows = [
        ("signature x modules", "permuted patients", 0, 0.05, 0, 1, 1.0),
        ("signature x modules", "random features", 0, 0.04, 0, 1, 1.0),
        ("features x modules", "permuted patients", 5, 0.4, 0, 4, 0.02),
        ("features x modules", "random features", 5, 0.7, 0, 6, 0.04),
        ("features x pathways", "permuted patients", 213, 11.2, 0, 90, 0.005),
        ("features x pathways", "random features", 213, 8.0, 0, 75, 0.005),
    ]
    table = pd.DataFrame(rows, columns=["family", "null", "found", "mean", "low", "high", "p"]).assign(n_repeats=200)
    holm = {"signature x modules": 1.0, "features x modules": 0.08, "features x pathways": 0.015}
    return table.assign(p_holm=table["family"].map(holm))


def gene_score(seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    genes = pd.Index("CXCL9 CXCL10 IDO1 GBP5 CD8A GZMB PRF1 LAG3 CCL5 NKG7 TBX21 STAT1".split(), name="gene")  # noqa: SIM905
    coefficient = rng.normal(0, 0.6, 12)
    coefficient[3] = 3.1
    spread = np.where(np.arange(12) == 3, 2.4, 0.35)
    return pd.DataFrame(
        {
            "module": rng.integers(1, 4, 12),
            "kme": rng.uniform(0.8, 0.97, 12),
            "significance": rng.uniform(0.2, 0.4, 12),
            "coefficient": coefficient,
            "odds_ratio": np.exp(coefficient),
            "odds_ratio_low": np.exp(coefficient - 1.96 * spread),
            "odds_ratio_high": np.exp(coefficient + 1.96 * spread),
        },
        index=genes,
    )


def survival(seed: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for group, n, slope in (("low score", 478, 0.00006), ("high score", 478, 0.0001)):
        time = np.sort(rng.uniform(10, 5000, 120))
        survived = np.exp(-slope * time)
        parts.append(
            pd.DataFrame(
                {
                    "group": group,
                    "time": np.append(0, time),
                    "survival": np.append(1, survived),
                    "low": np.append(1, survived - 0.0001 * time / 3),
                    "high": np.append(1, np.minimum(survived + 0.0001 * time / 3, 1)),
                    "at_risk": np.append(n, np.linspace(n, 12, 120).astype(int)),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def fits() -> pd.DataFrame:
    power = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20])
    r2 = np.clip(1 - np.exp(-((power / 3.2) ** 1.5)), 0.02, 0.97)
    mean_k = 3000 / power**2.5
    slope = np.where(power == 1, 0.6, -1.4 - power / 40)
    return pd.DataFrame(
        {
            "power": power,
            "r2": r2,
            "slope": slope,
            "truncated_r2": r2,
            "mean_k": mean_k,
            "median_k": mean_k / 2,
            "max_k": 4 * mean_k,
        }
    )


def module_tree(modules: pd.DataFrame, seed: int = 10) -> pd.DataFrame:
    from scipy.cluster.hierarchy import linkage

    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (modules["module"].max() + 1, 6))
    centres[0] = 0
    points = centres[modules["module"]] + rng.normal(0, np.where(modules["module"].eq(0), 1.2, 0.35)[:, None], (len(modules), 6))
    merges = pd.DataFrame(linkage(points, "average"), columns=["left", "right", "height", "size"])
    return merges.assign(height=0.6 + 0.4 * merges["height"] / merges["height"].max())


def tree_of_nodes(modules: pd.DataFrame) -> pd.DataFrame:
    merges = module_tree(modules)
    n = len(modules)
    leaves = pd.DataFrame(
        {"node": range(n), "gene": modules.index, "position": -1, "left": -1, "right": -1, "height": 0.0, "size": 1}
    )
    return pd.concat([leaves, merges.assign(node=range(n, 2 * n - 1), gene="", position=-1)], ignore_index=True).assign(block=1)


def calibration_curve() -> pd.DataFrame:
    predicted = np.linspace(0.22, 0.74, 80)
    return pd.DataFrame({"predicted": predicted, "observed": 0.48 + 0.35 * (predicted - 0.5), "n": 87})


def calibration_groups() -> pd.DataFrame:
    observed = np.array([0.35, 0.41, 0.56, 0.5, 0.61])
    return pd.DataFrame(
        {
            "predicted": [0.28, 0.38, 0.46, 0.55, 0.67],
            "observed": observed,
            "low": observed - 0.2,
            "high": observed + 0.2,
            "n": [17, 17, 18, 17, 18],
            "events": [6, 7, 10, 9, 11],
        }
    )


def benefit() -> pd.DataFrame:
    threshold = np.arange(0.05, 0.71, 0.01)
    odds = threshold / (1 - threshold)
    rows = {
        "all": 0.48 - 0.52 * odds,
        "none": 0 * odds,
        "radiomic forest (nested)": np.maximum(0.46 - 0.45 * odds, 0.24 - 0.22 * odds - 0.01),
        "lesion volume": 0.47 - 0.48 * odds,
    }
    return pd.concat(
        [
            pd.DataFrame({"model": name, "threshold": threshold, "net_benefit": value, "low": np.nan, "high": np.nan})
            for name, value in rows.items()
        ],
        ignore_index=True,
    )


def nomogram_points() -> pd.DataFrame:
    rows = [("Radiomic score", value, 100 * value) for value in np.round(np.arange(0, 1.01, 0.1), 1)]
    rows += [("Tumour stage", level, points) for level, points in (("T1", 0.0), ("T2", 18.0), ("T3", 22.5), ("T4", 41.0))]
    rows += [("Age at diagnosis, years", value, (90 - value) * 0.3) for value in (30, 40, 50, 60, 70, 80, 90)]
    rows += [
        ("probability", value, points)
        for value, points in (
            (0.1, 20),
            (0.2, 45),
            (0.3, 60),
            (0.4, 73),
            (0.5, 85),
            (0.6, 97),
            (0.7, 110),
            (0.8, 125),
            (0.9, 150),
        )
    ]
    return pd.DataFrame(rows, columns=["term", "value", "points"])


def enrichment(seed: int = 11) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (f"ME{number} {COLORS[number - 1]}", pathway, int(rng.integers(0, 25)), rng.uniform(0.5, 6), 10 ** -rng.exponential(1.2))
        for number in range(1, 7)
        for pathway in PATHWAYS[:30]
    ]
    return pd.DataFrame(rows, columns=["list", "pathway", "overlap", "fold", "q"])


def agreement(seed: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kinds = np.repeat(["radiomics: shape", "radiomics: glcm", "kinetics"], [14, 24, 300])
    names = [f"feature {number}" for number in range(kinds.size)]
    return pd.DataFrame({"signature": "radiomics", "feature": names, "kind": kinds, "n": 30, "icc": rng.beta(4, 1.5, kinds.size)})
