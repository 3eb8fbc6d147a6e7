"""Enrichment: which pathways a list of genes holds more of than chance, and which a ranking brings to its ends."""

import logging
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import hypergeom

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.pathways.genesets import restrict_to_genes
from radiogenomics.stats import benjamini_hochberg

logger = logging.getLogger(__name__)


def enrich(
    genes: Mapping[str, Sequence[str]],
    gene_sets: Mapping[str, Sequence[str]],
    background: Iterable[str],
    *,
    min_size: int = 10,
    max_size: int | None = None,
    family: str = "all",
) -> pd.DataFrame:
    """Test every list of genes for every pathway, one-sided hypergeometric.

    Parameters
    ----------
    genes : mapping of str to list of str
        Lists by name: the genes of each module, the hub genes of each signature.
    gene_sets : mapping of str to list of str
        Pathways.
    background : iterable of str
        Every gene that could have been on a list: the measured ones, not the genome.
    min_size, max_size : int
        Fewest and most background genes of a pathway that is tested.
    family : str
        What q is corrected over: "list" makes a family of each list, any other word names one family, the whole table.

    Returns
    -------
    DataFrame, one row per list and pathway
        Columns `list, pathway, family, overlap, list_size, pathway_size, background, fold, p, q, genes`: `p` is the chance of at
        least this overlap, R's ``phyper(overlap - 1, pathway_size, background - pathway_size, list_size, lower.tail = FALSE)``;
        `fold` is overlap over expectation; `genes` the overlap itself. Smallest p of each list first.

    Raises
    ------
    ValueError
        If there is no list, one holds no gene of the background, or no pathway is usable.

    References
    ----------
    Boyle et al. (2004), doi:10.1093/bioinformatics/bth456.
    """
    if not genes:
        raise InputError("`genes` has no list; give at least one, by name.")
    universe = set(background)
    pathways = restrict_to_genes(gene_sets, sorted(universe), min_size=min_size, max_size=max_size)
    table = pd.concat([_tested(name, members, pathways, universe) for name, members in genes.items()], ignore_index=True)
    table.insert(2, "family", table["list"] if family == "list" else family)
    table["q"] = table.groupby("family", sort=False)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    columns = ["list", "pathway", "family", "overlap", "list_size", "pathway_size", "background", "fold", "p", "q", "genes"]
    return table[columns]


def _tested(name: str, members: Sequence[str], pathways: Mapping[str, list[str]], universe: set[str]) -> pd.DataFrame:
    drawn = set(members) & universe
    if not drawn:
        raise InputError(
            f"List {name!r} holds no gene of the background: {summarise(members, 3)}; bring both to one kind of symbol."
        )
    both = {pathway: sorted(drawn.intersection(genes)) for pathway, genes in pathways.items()}
    overlap, size = np.array([len(genes) for genes in both.values()]), np.array([len(genes) for genes in pathways.values()])
    p = hypergeom.sf(overlap - 1, len(universe), size, len(drawn))
    table = pd.DataFrame(
        {"list": name, "pathway": list(both), "overlap": overlap, "list_size": len(drawn), "pathway_size": size, "p": p}
    )
    table["background"] = len(universe)
    table["fold"] = overlap * len(universe) / (size * len(drawn))
    table["genes"] = [" ".join(genes) for genes in both.values()]
    return table.sort_values("p", kind="stable")


def preranked(
    statistic: pd.Series,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    min_size: int = 10,
    max_size: int | None = None,
    n_permutations: int = 1000,
    weight: float = 1.0,
    family: str = "all",
    n_jobs: int = 1,
    random_state: int = 0,
) -> pd.DataFrame:
    """Test which pathways gather at the ends of a ranking of genes: preranked GSEA, through gseapy.

    Genes are shuffled, not patients: `p` holds only if genes were independent, which co-expressed ones are not, and is too small
    for genes ranked by their correlation with a signature. Where patients are at hand, score pathways and link the scores
    (`linking.correlate` permutes patients). A ranking of a panel of chosen genes says what stands out within the panel only.

    Parameters
    ----------
    statistic : Series, shape (n_genes,)
        A signed statistic of every gene, such as its correlation with a signature.
    gene_sets : mapping of str to list of str
        Pathways.
    min_size, max_size : int
        Fewest and most ranked genes of a pathway that is tested.
    n_permutations : int
        Shuffles of the genes.
    weight : float
        Exponent of the statistic in the running sum.
    family : str
        Name of the family that q is corrected over: the whole table.
    n_jobs : int
        Threads.
    random_state : int
        Seed.

    Returns
    -------
    DataFrame, one row per pathway
        Columns `pathway, family, size, es, nes, p, q, fdr, leading_edge`: `p` the share of shuffles with a score of the same sign
        that reach it, never below 1 / (n_permutations + 1), `q` its Benjamini-Hochberg value, `fdr` GSEA's own from the
        normalised scores, `leading_edge` the genes before the running sum's extreme. Smallest p first.

    Raises
    ------
    ValueError
        If a statistic is missing or infinite or a gene comes twice, all genes have one statistic, or no pathway is usable. A
        pathway of all ranked genes cannot gather anywhere: it is left out with a warning in the log.

    References
    ----------
    Subramanian et al. (2005), doi:10.1073/pnas.0506580102. Fang, Liu & Peltz (2023), doi:10.1093/bioinformatics/btac757.
    """
    import gseapy

    ranking = _ranking(statistic)
    pathways = _partial(restrict_to_genes(gene_sets, statistic.index, min_size=min_size, max_size=max_size), len(ranking))
    result = gseapy.prerank(
        ranking,
        pathways,
        min_size=1,
        max_size=len(ranking),
        permutation_num=n_permutations,
        weight=weight,
        seed=random_state,
        threads=n_jobs,
        no_plot=True,
        outdir=None,
    ).res2d
    return _ranked(result, pathways, family, 1.0 / (n_permutations + 1.0))


def _ranking(statistic: pd.Series) -> pd.Series:
    """Check that the statistic ranks the genes -> the genes from the largest to the smallest."""
    if statistic.isna().any() or statistic.index.has_duplicates:
        lost, twice = int(statistic.isna().sum()), int(statistic.index.duplicated().sum())
        raise InputError(f"`statistic` misses {lost} gene(s) and names {twice} twice; give every gene one number.")
    ranking = statistic.astype(float).sort_values(ascending=False, kind="stable")
    endless = ranking.index[np.isinf(ranking)]
    if len(endless):
        raise InputError(
            f"`statistic` is infinite for {len(endless)} gene(s): {summarise(endless)}; a running sum needs finite weights: "
            "leave them out, or give a statistic that is finite, such as r instead of -log10 p."
        )
    if ranking.iloc[0] == ranking.iloc[-1]:
        raise InputError(f"`statistic` is {ranking.iloc[0]:g} for all {len(ranking)} genes, which ranks none before another.")
    return ranking


def _partial(pathways: Mapping[str, list[str]], n_genes: int) -> dict[str, list[str]]:
    """Leave out the pathways that hold every ranked gene, by name."""
    whole = [name for name, members in pathways.items() if len(members) == n_genes]
    if len(whole) == len(pathways):
        raise InputError(
            f"Pathway(s) {summarise(whole)} hold all {n_genes} ranked genes; give a ranking of more genes than that."
        )
    if whole:
        logger.warning("%d pathway(s) hold all %d ranked genes and are left out: %s", len(whole), n_genes, summarise(whole))
    return {name: members for name, members in pathways.items() if name not in whole}


def _ranked(result: pd.DataFrame, pathways: Mapping[str, list[str]], family: str, smallest: float) -> pd.DataFrame:
    numbers = {"es": "ES", "nes": "NES", "p": "NOM p-val", "fdr": "FDR q-val"}
    table = pd.DataFrame({"pathway": result["Term"], "family": family})
    table["size"] = table["pathway"].map({name: len(genes) for name, genes in pathways.items()})
    for ours, theirs in numbers.items():
        table[ours] = pd.to_numeric(result[theirs])
    table["p"] = table["p"].clip(lower=smallest)  # gseapy leaves the observed order out, and gives 0
    table["q"] = benjamini_hochberg(table["p"].to_numpy())
    table["leading_edge"] = result["Lead_genes"].str.replace(";", " ")
    columns = ["pathway", "family", "size", "es", "nes", "p", "q", "fdr", "leading_edge"]
    return table[columns].sort_values(["p", "pathway"], kind="stable", ignore_index=True)


def overlap(gene_sets: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Measure how much pathways share -> Jaccard indices, shape (n_pathways, n_pathways), symmetric, 1 on the diagonal."""
    genes = pd.Index(sorted({gene for members in gene_sets.values() for gene in members}))
    holds = np.zeros((len(gene_sets), len(genes)))
    for row, members in enumerate(gene_sets.values()):
        holds[row, genes.get_indexer(pd.Index(list(set(members))))] = 1.0
    shared, sizes = holds @ holds.T, holds.sum(axis=1)
    names = pd.Index(gene_sets, name="pathway")
    return pd.DataFrame(shared / (sizes[:, None] + sizes[None, :] - shared), index=names, columns=names)


def redundancy(gene_sets: Mapping[str, Sequence[str]], *, jaccard: float = 0.5) -> pd.DataFrame:
    """Group pathways that say the same thing, because they hold the same genes.

    Average linkage on one minus the Jaccard index, cut where clusters share less than `jaccard` on average.

    Parameters
    ----------
    gene_sets : mapping of str to list of str
        Pathways in order of importance, such as by p; the first of a cluster speaks for it.
    jaccard : float
        Shared genes over all genes of two pathways, 0 to 1.

    Returns
    -------
    DataFrame, one row per pathway
        Columns `pathway, cluster` (1 the first), `representative, jaccard` (with the representative).

    Raises
    ------
    ValueError
        If `jaccard` does not lie in 0 to 1.
    """
    if not 0.0 < jaccard <= 1.0:
        raise InputError(f"`jaccard` is {jaccard}, it must lie above 0 and not above 1.")
    shared = overlap(gene_sets)
    labels = np.ones(len(shared), dtype=int)
    if len(shared) > 1:
        tree = linkage(squareform(1.0 - shared.to_numpy(), checks=False), method="average")
        labels = fcluster(tree, 1.0 - jaccard + 1e-12, criterion="distance")
    table = pd.DataFrame({"pathway": shared.index, "cluster": pd.factorize(labels)[0] + 1})
    table["representative"] = table.groupby("cluster")["pathway"].transform("first")
    rows, columns = (shared.index.get_indexer(pd.Index(table[name])) for name in ("pathway", "representative"))
    table["jaccard"] = shared.to_numpy()[rows, columns]
    return table
