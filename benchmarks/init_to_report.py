"""Two real cohorts from `init` to the report, with nothing said but the tables and the outcome.

    python benchmarks/init_to_report.py REAL_DATA OUT [--n-jobs 2]

The NSCLC cohort (CT features, z-scores of 1,000 genes) predicts EGFR mutation. The genome-wide study takes the counts of 60
TCGA-BRCA patients and their clinical table as they are published, beside simulated imaging features (a column of lesion volume,
and measurements that follow ESR1 and MKI67 a little) written with semicolons and decimal commas, and predicts oestrogen receptor.
Prints the time and what both reports say of the signature and of lesion volume alone.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from radiogenomics import study


def simulated_imaging(counts: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate 58 features and a volume of the patients of a matrix of counts, genes x patients -> one row per patient."""
    rates = np.log2(counts / counts.sum() * 1e6 + 1).loc[["ESR1", "MKI67"]]
    hidden = rates.sub(rates.mean(axis=1), axis=0).div(rates.std(axis=1), axis=0).to_numpy()
    names = [f"original_{kind}_{i}" for kind, n in (("firstorder", 18), ("glcm", 24), ("glrlm", 16)) for i in range(n)]
    weights = np.array([[0.5 * (i % 5 == 0), 0.5 * (i % 7 == 0)] for i in range(len(names))])
    values = hidden.T @ weights.T + rng.normal(size=(counts.shape[1], len(names)))
    table = pd.DataFrame(values, columns=names, index=counts.columns.str.replace(".", "-"))
    table.insert(0, "original_shape_MeshVolume", np.exp(7 + rng.normal(size=len(table))))
    return table.rename_axis("Patient ID")


def lung(real: Path, out: Path) -> Path:
    """Write the manifest of the NSCLC cohort."""
    folder = real / "nsclc_radiogenomics"
    files = folder / "features_ct_105.csv", folder / "expression_zscore_1000x130.csv", folder / "clinical.csv"
    return study.init(*files, outcome="EGFR mutation status", positive=["Mutant"], to=out / "lung.toml", overwrite=True)


def breast(real: Path, out: Path) -> Path:
    """Write the manifest of the genome-wide study, and its simulated features."""
    folder, features = real / "tcga_brca", out / "simulated_features.csv"
    matrix = folder / "expression_counts_20124genes_60samples.csv.gz"
    table = simulated_imaging(pd.read_csv(matrix, index_col=0), np.random.default_rng(5))
    table.to_csv(features, sep=";", decimal=",")
    clinical = folder / "nationwidechildrens.org_clinical_patient_brca.txt"
    how = {"gene_sets": real / "genesets" / "h.all.v7.0.symbols.gmt", "to": out / "breast.toml", "overwrite": True}
    manifest = study.init(features, matrix, clinical, outcome="er_status_by_ihc", positive=["Positive"], **how)
    manifest.write_text("simulated = true\n" + manifest.read_text())  # no mending: the report and every figure say so
    return manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("real", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--n-jobs", type=int, default=1)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for write in (lung, breast):
        begin = time.perf_counter()
        manifest = write(asked.real, asked.out)
        report = study.run(manifest, out=asked.out / manifest.stem, n_jobs=asked.n_jobs)
        table = pd.read_csv(report.parent / "tables" / "evaluation.csv")
        print(f"{report}: {time.perf_counter() - begin:.0f} s")
        print(
            table.loc[table["estimate"].isin(["nested", "volume"]), ["signature", "estimate", "auc", "n"]].to_string(index=False)
        )


if __name__ == "__main__":
    main()
