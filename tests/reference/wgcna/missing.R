# moduleEigengenes and modulePreservation with missing values, powers as R fixes them, and modules that are lost in the second cohort, so that
# grey and gold stand among the ranks. Run in this folder; writes missing_old.csv.xz, missing_new.csv.xz (patients x genes), missing_labels.csv,
# missing_explained.csv, missing_eigengenes.csv, missing_preservation_<network>.csv.
# missing_large.R does the same for a module of more than 1,500 genes.
suppressMessages(library(WGCNA)); options(stringsAsFactors = FALSE)
set.seed(20); sizes <- c(90, 60, 45, 40, 35, 30); labels <- c(rep(1:6, sizes), rep(0, 120)); p <- length(labels)
make <- function(n, lost) { f <- matrix(rnorm(n * 6), n); w <- seq(.9, .4, length.out = p)[order(rank(runif(p)))]
  X <- sapply(1:p, function(g) { m <- labels[g]; s <- if (g %% 3) 1 else -1; if (m == 0 || m %in% lost) rnorm(n) else s * w[g] * f[, m] + sqrt(1 - w[g]^2) * rnorm(n) })
  X[sample(length(X), length(X) * .02)] <- NA; dimnames(X) <- list(sprintf('P%02d', 1:n), sprintf('g%03d', 1:p)); round(X, 5) }
old <- make(40, NULL); new <- make(50, c(2, 5)); rownames(new) <- sub('P', 'Q', rownames(new))
out <- function(m, f) { con <- xzfile(f); write.csv(data.frame(patient = rownames(m), m), con, row.names = FALSE, quote = FALSE) }
out(old, 'missing_old.csv.xz'); out(new, 'missing_new.csv.xz')
write.csv(data.frame(gene = colnames(old), label = labels), 'missing_labels.csv', row.names = FALSE, quote = FALSE)
me <- moduleEigengenes(old, labels, excludeGrey = TRUE)
write.csv(data.frame(module = sub('ME', '', names(me$eigengenes)), explained = as.numeric(me$varExplained[1, ])), 'missing_explained.csv', row.names = FALSE, quote = FALSE)
write.csv(data.frame(patient = rownames(old), me$eigengenes), 'missing_eigengenes.csv', row.names = FALSE, quote = FALSE)
for (network in c('unsigned', 'signed', 'signed hybrid')) {
  mp <- modulePreservation(list(old = list(data = old), new = list(data = new)), list(old = labels), referenceNetworks = 1, testNetworks = 2,
    nPermutations = if (network == 'unsigned') 100 else 3, randomSeed = 1, quickCor = 0, networkType = network, maxModuleSize = 1000, savePermutedStatistics = FALSE, verbose = 0)
  o <- mp$preservation$observed[[1]][[2]]; z <- mp$preservation$Z[[1]][[2]]
  write.csv(cbind(module = rownames(o), o, z[, -1]), paste0('missing_preservation_', gsub(' ', '_', network), '.csv'), row.names = FALSE, quote = FALSE) }
