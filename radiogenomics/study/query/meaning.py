"""What the words of a question mean: genes by the names that clinicians use, and categories of gene sets.

The names of genes are aliases of the HUGO Gene Nomenclature Committee (genenames.org). The categories follow the process
categories of the hallmark gene sets (Liberzon et al. 2015, doi:10.1016/j.cels.2015.12.004, Table 1) and KEGG's classes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from radiogenomics._names import words

GENES = {
    "her2": "ERBB2", "her2neu": "ERBB2", "neu": "ERBB2", "cerbb2": "ERBB2", "her1": "EGFR", "erbb1": "EGFR", "her3": "ERBB3",
    "her4": "ERBB4", "pdl1": "CD274", "b7h1": "CD274", "pd1": "PDCD1", "pdl2": "PDCD1LG2", "tim3": "HAVCR2",
    "er": "ESR1", "eralpha": "ESR1", "estrogenreceptor": "ESR1", "estrogenreceptoralpha": "ESR1",
    "pr": "PGR", "progesteronereceptor": "PGR", "androgenreceptor": "AR", "ki67": "MKI67",
    "p53": "TP53", "p16": "CDKN2A", "p21": "CDKN1A", "p27": "CDKN1B", "p63": "TP63", "rb": "RB1", "cmyc": "MYC", "nmyc": "MYCN",
    "bcl2": "BCL2", "cyclind1": "CCND1", "cycline1": "CCNE1", "cyclinb1": "CCNB1", "ecadherin": "CDH1", "ncadherin": "CDH2",
    "pcadherin": "CDH3", "betacatenin": "CTNNB1", "vegf": "VEGFA", "vegfr2": "KDR", "vegfr1": "FLT1", "hif1": "HIF1A",
    "hif1alpha": "HIF1A", "hif1a": "HIF1A", "caix": "CA9", "glut1": "SLC2A1", "cox2": "PTGS2", "tnfalpha": "TNF", "tnfa": "TNF",
    "ifngamma": "IFNG", "interferongamma": "IFNG", "tgfbeta": "TGFB1", "tgfbeta1": "TGFB1", "il8": "CXCL8", "sdf1": "CXCL12",
    "topoii": "TOP2A", "topoisomerase2alpha": "TOP2A", "survivin": "BIRC5",
    "parp": "PARP1", "cd8": "CD8A", "cd20": "MS4A1", "cd3": "CD3E", "ck5": "KRT5", "ck14": "KRT14", "ck18": "KRT18",
    "ck19": "KRT19", "cytokeratin5": "KRT5", "vimentin": "VIM", "fibronectin": "FN1", "osteopontin": "SPP1", "upa": "PLAU",
    "pai1": "SERPINE1", "cmet": "MET", "hgfr": "MET", "ckit": "KIT", "trop2": "TACSTD2",
    "psma": "FOLH1", "cea": "CEACAM5", "mdr1": "ABCB1",
    "bcrp": "ABCG2",
}  # fmt: skip
"""The approved symbol of a gene by the name that clinicians use, written in lower case without marks."""


@dataclass(frozen=True)
class Category:
    """A subject that several gene sets have.

    Attributes
    ----------
    asked : tuple of str
        What it is called by those who ask for it.
    sets : tuple of str
        Words of the gene sets that belong to it, without their collection.
    ours : str
        What the column ``category`` of the table of gene sets calls it, where it does.
    """

    asked: tuple[str, ...]
    sets: tuple[str, ...]
    ours: str = ""


CATEGORIES = {
    "immune response": Category(
        ("immune", "immunity", "immunology", "immune response", "immune system", "immune activity", "immune infiltration",
         "immune cells", "lymphocytes", "lymphocyte infiltration", "til", "tils", "tumour infiltrating lymphocytes",
         "immunotherapy"),
        ("allograft rejection", "complement", "coagulation", "interferon alpha response", "interferon gamma response",
         "IL6 JAK STAT3 signaling", "inflammatory response", "IL2 STAT5 signaling"),
        "immune system",
    ),
    "inflammation": Category(
        ("inflammation", "inflammatory", "cytokines"),
        ("inflammatory response", "IL6 JAK STAT3 signaling", "TNFA signaling via NFKB", "cytokine cytokine receptor interaction",
         "chemokine signaling"),
    ),
    "interferon response": Category(
        ("interferon", "interferons", "ifn", "interferon response"), ("interferon alpha response", "interferon gamma response")
    ),
    "T cells": Category(
        ("t cells", "t cell", "cytotoxicity", "cytotoxic t cells"),
        ("T cell receptor signaling", "natural killer cell mediated cytotoxicity", "allograft rejection"),
    ),
    "hypoxia": Category(("hypoxia", "hypoxic", "oxygen", "low oxygen", "lack of oxygen"), ("hypoxia", "HIF 1 signaling")),
    "oestrogen": Category(
        ("oestrogen", "oestrogen response", "oestrogen signalling", "oestrogen receptor signalling", "er signalling",
         "endocrine response", "luminal"),
        ("estrogen response early", "estrogen response late", "estrogen signaling"),
    ),
    "hormones": Category(
        ("hormone", "hormones", "hormonal", "hormone response", "endocrine", "steroid hormones", "hormone receptor"),
        ("estrogen response early", "estrogen response late", "estrogen signaling", "androgen response",
         "steroid hormone biosynthesis"),
    ),
    "proliferation": Category(
        ("proliferation", "proliferative", "cell proliferation", "growth", "tumour growth", "cell division", "mitosis",
         "cell growth", "cell cycle", "cycling"),
        ("E2F targets", "G2M checkpoint", "mitotic spindle", "MYC targets", "cell cycle", "DNA replication"),
    ),
    "DNA repair": Category(
        ("dna damage", "dna damage response", "dna damage repair", "homologous recombination deficiency", "hrd",
         "genomic instability",
         "genome instability", "ddr"),
        ("DNA repair", "UV response", "base excision repair", "nucleotide excision repair", "mismatch repair",
         "homologous recombination", "non homologous end joining"),
    ),
    "cell death": Category(("cell death", "programmed cell death", "apoptotic"), ("apoptosis", "P53", "P53 signaling")),
    "angiogenesis": Category(
        ("blood vessels", "vessels", "vascularity", "vascularisation", "vascularization", "neoangiogenesis",
         "angiogenic", "perfusion"),
        ("angiogenesis", "VEGF signaling", "coagulation"),
    ),
    "metabolism": Category(
        ("metabolism", "metabolic", "tumour metabolism", "energy metabolism"),
        ("bile acid metabolism", "cholesterol homeostasis", "fatty acid metabolism", "glycolysis", "heme metabolism",
         "oxidative phosphorylation", "xenobiotic metabolism", "glycolysis gluconeogenesis"),
    ),
    "epithelial mesenchymal transition": Category(
        ("emt", "epithelial to mesenchymal transition", "mesenchymal transition", "mesenchymal"),
        ("epithelial mesenchymal transition",),
    ),
    "invasion and metastasis": Category(
        ("invasion", "invasiveness", "metastasis", "migration", "motility"),
        ("epithelial mesenchymal transition", "focal adhesion", "ECM receptor interaction", "regulation of actin cytoskeleton",
         "leukocyte transendothelial migration"),
    ),
    "stroma": Category(
        ("stroma", "stromal", "extracellular matrix", "ecm", "matrix", "fibrosis", "desmoplasia", "collagen", "fibroblasts"),
        ("epithelial mesenchymal transition", "ECM receptor interaction", "focal adhesion", "TGF beta signaling"),
    ),
    "cell adhesion": Category(
        ("adhesion", "cell adhesion", "cell communication", "cell junctions", "cell contact"),
        ("apical junction", "apical surface", "adherens junction", "tight junction", "gap junction"),
        "cell communication",
    ),
    "growth factor signaling": Category(
        ("growth factors", "growth factor signalling", "rtk", "receptor tyrosine kinases", "kinase signalling"),
        ("ErbB signaling", "MAPK signaling", "PI3K AKT mTOR signaling", "mTOR signaling", "mTORC1 signaling", "KRAS signaling up",
         "VEGF signaling"),
    ),
    "stress response": Category(
        ("stress", "stress response", "oxidative stress", "cell stress", "er stress"),
        ("unfolded protein response", "reactive oxygen species", "hypoxia", "P53"),
    ),
}  # fmt: skip
"""Categories by name."""

SUBJECTS = {
    "MKI67": "proliferation", "TOP2A": "proliferation", "CCNB1": "proliferation", "ESR1": "oestrogen", "ESR2": "oestrogen",
    "PGR": "hormones", "AR": "hormones", "CD8A": "T cells", "CD3E": "T cells", "CD274": "immune response",
    "PDCD1": "immune response", "MS4A1": "immune response", "CA9": "hypoxia", "SLC2A1": "hypoxia", "HIF1A": "hypoxia",
    "VEGFA": "angiogenesis", "KDR": "angiogenesis", "VIM": "epithelial mesenchymal transition",
    "CDH1": "epithelial mesenchymal transition", "CDH2": "epithelial mesenchymal transition", "BRCA1": "DNA repair",
    "BRCA2": "DNA repair", "PARP1": "DNA repair", "BCL2": "cell death", "ERBB2": "growth factor signaling",
    "EGFR": "growth factor signaling",
}  # fmt: skip
"""The category that a gene is a marker of, for questions about a gene that was not measured."""

IDLE = frozenset("kegg hallmark reactome wp biocarta pid gobp gomf gocc medicus pathway pathways".split())  # noqa: SIM905
"""Words of a set's name that say what kind of thing it is, and not which."""

ASIDE = frozenset(
    """what is are the about how does do tell me show of in on for and with to which link links linked association associated
    correlate correlation between imaging mri image images gene genes protein set sets signature activity activation score
    expression level levels status family please tumor tumour tumors tumours breast lesion lesions patient patients positive
    negative positivity our any there""".split()  # noqa: SIM905
)
"""Words that people put around the thing they ask for."""

GENERAL = frozenset(
    "signaling signal pathway response target up dn down cell receptor system cancer disease regulation process".split()  # noqa: SIM905
)
"""Words that so many sets have that by themselves they name none."""


def stem(word: str) -> str:
    """Give a word without the s of its plural."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "is", "us")) else word


def telling(text: str) -> list[str]:
    """Split a text into words in their singular, without the collection and the word pathway."""
    return [stem(word) for word in words(text) if word not in IDLE]


def squeezed(text: str) -> str:
    """Write a text in small letters and digits alone: ``PD-L1`` -> ``pdl1``."""
    return "".join(words(text))


def holds(name: str, asked: list[str]) -> bool:
    """Tell whether a name has every word asked, at the beginning of its own or written together (``NF-kB``: ``NFKB``)."""
    known = telling(name)
    if not asked:
        return False
    if all(any(word.startswith(part) if len(part) > 2 else word == part for word in known) for part in asked):
        return True
    runs = {_lettered(known[i:j]) for i in range(len(known)) for j in range(i + 1, min(i + 4, len(known)) + 1)}
    return len(asked) <= 4 and _lettered(asked) in runs


def _lettered(parts: list[str]) -> str:
    """Write words together, Greek letters by their first: ``nf``, ``kappab`` and ``nfkb`` are one."""
    return re.sub(r"(?<=[a-z0-9])(alpha|beta|gamma|kappa)", lambda letter: letter[0][0], "".join(parts))


def category_of(text: str) -> str | None:
    """Name the category that a text asks for; None where it is none."""
    said = telling(text)
    asked = {tuple(said), *(tuple(word for word in said if word not in aside) for aside in (ASIDE, ASIDE | GENERAL))} - {()}
    for name, category in CATEGORIES.items():
        if asked & {tuple(telling(one)) for one in (name, *category.asked)}:
            return name
    return None


def sets_of(category: str, names: Iterable[str], ours: Mapping[str, str]) -> list[str]:
    """List the sets of a study that belong to a category, those of the same name in two collections both."""
    wanted = [telling(words_of) for words_of in CATEGORIES[category].sets]
    mine = CATEGORIES[category].ours
    return [
        name for name in names if any(_begins(telling(name), some) for some in wanted) or (mine and ours.get(name, "") == mine)
    ]


def _begins(known: list[str], wanted: list[str]) -> bool:
    """Tell whether a set's name is the one wanted, perhaps with a number or the like behind it (``MYC targets V1``)."""
    rest = known[len(wanted) :]
    return known[: len(wanted)] == wanted and all(re.fullmatch(r"v\d|up|dn|signaling", word) for word in rest)


def gene_of(text: str, genes: Mapping[str, str], renamed: Mapping[str, str]) -> str | None:
    """Find the gene that a text names: its symbol in any capitals, an alias, or two names of one gene with a slash (HER2/ERBB2).

    Parameters
    ----------
    text : str
        What was asked.
    genes : mapping of str to str
        The measured genes by their names in small letters.
    renamed : mapping of str to str
        Further aliases in small letters, as the study's own table of symbols has them.

    Returns
    -------
    str or None
        The symbol, which need not be measured; None where the text names no gene that is known.
    """
    names = [part.strip() for part in re.split(r"[/()]", text) if part.strip()]
    genes_named = [_one_gene(name, genes, renamed) for name in (text.strip(), *(names if len(names) > 1 else []))]
    known = list(dict.fromkeys(gene for gene in genes_named if gene))
    if len(known) > 1:  # two genes, and not two names of one
        return None
    return known[0] if known else None


def _one_gene(name: str, genes: Mapping[str, str], renamed: Mapping[str, str]) -> str | None:
    small = name.lower()
    return genes.get(small) or renamed.get(small) or GENES.get(squeezed(name)) or genes.get(squeezed(name))
