# Labels of cutreeHybrid (dynamicTreeCut) on 24 tables of 300 simulated genes with weak modules of many twigs.
# Rscript cut.R, in this folder; WGCNA 1.72, dynamicTreeCut 1.63.
suppressMessages({library(WGCNA); library(dynamicTreeCut)})
set.seed(20261121)
patients <- 60; genes <- 600
roots <- matrix(rnorm(patients * 4), patients)
branches <- roots[, rep(1:4, each = 3)] + 0.8 * matrix(rnorm(patients * 12), patients)
twigs <- branches[, sample(12, 100, TRUE)] + 1.2 * matrix(rnorm(patients * 100), patients)
loading <- runif(genes, 0.2, 1.6)
expression <- round(sweep(twigs[, sample(100, genes, TRUE)], 2, loading, "*") + matrix(rnorm(patients * genes), patients), 3)
colnames(expression) <- sprintf("g%03d", 1:genes)
write.csv(expression, xzfile("cut_expression_60x600.csv.xz"), row.names = FALSE, quote = FALSE)
labels <- list()
for (table in 1:24) {
  chosen <- sort(sample(genes, 300))
  dissimilarity <- 1 - TOMsimilarity(abs(cor(expression[, chosen]))^3, TOMType = "unsigned", verbose = 0)
  diag(dissimilarity) <- 0
  tree <- fastcluster::hclust(as.dist(dissimilarity), method = "average")
  for (split in 0:4) for (size in c(10, 25)) for (respect in c(TRUE, FALSE)) {
    found <- rep(NA, genes)
    found[chosen] <- cutreeHybrid(tree, dissimilarity, cutHeight = 0.995, deepSplit = split, minClusterSize = size,
                                  pamStage = TRUE, pamRespectsDendro = respect, verbose = 0)$labels
    labels[[paste(table, split, size, respect)]] <- found
  }
}
write.csv(as.data.frame(labels, check.names = FALSE), xzfile("cut_labels_24_tables.csv.xz"), row.names = FALSE, quote = FALSE, na = "")
