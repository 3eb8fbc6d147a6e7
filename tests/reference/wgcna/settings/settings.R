# blockwiseModules on small simulated matrices, one JSON of settings each: missing values, bicor, blocks, and every other setting.
suppressMessages({library(WGCNA); library(jsonlite)}); options(stringsAsFactors = FALSE)
for (f in sub("\\.json$", "", list.files(pattern = "\\.json$"))) {
  X <- as.matrix(read.csv(xzfile(paste0(f, ".csv.xz")), row.names = 1))
  call <- c(list(datExpr = X, maxBlockSize = 20000, numericLabels = TRUE, saveTOMs = FALSE, verbose = 0, nThreads = 1),
    fromJSON(paste0(f, ".json")))
  b <- suppressWarnings(do.call(blockwiseModules, call))
  write.csv(data.frame(gene = colnames(X), label = b$colors, unmerged = b$unmergedColors), paste0(f, "_labels.csv"), row.names = FALSE)
}
