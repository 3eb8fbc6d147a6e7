# moduleEigengenes of one module of 1,800 genes with 1 % missing: impute.knn divides more than 1,500 genes into blocks first.
# Run in this folder; writes missing_large.csv.xz (patients x genes) and missing_large_eigengene.csv.
suppressMessages(library(WGCNA)); options(stringsAsFactors = FALSE)
set.seed(3); n <- 30; p <- 1800; f <- rnorm(n)
X <- sapply(1:p, function(g) { w <- runif(1, .3, .8); w * f * (if (g %% 2) 1 else -1) + sqrt(1 - w^2) * rnorm(n) }); X <- round(X, 2); X[sample(length(X), length(X) * .01)] <- NA
dimnames(X) <- list(sprintf('P%02d', 1:n), sprintf('g%04d', 1:p))
con <- xzfile('missing_large.csv.xz'); write.csv(data.frame(patient = rownames(X), X), con, row.names = FALSE, quote = FALSE)
me <- moduleEigengenes(X, rep(1, p)); write.csv(data.frame(patient = rownames(X), ME1 = me$eigengenes$ME1, explained = me$varExplained[1, 1]), 'missing_large_eigengene.csv', row.names = FALSE, quote = FALSE)
