# edgeR::calcNormFactors (TMM) and cpm(log = TRUE, prior.count = 2) of simulated counts: few reads of many genes, so that ratios and intensities
# tie, unequal depth, genes nobody has. Run in this folder; writes counts_14x2000.csv.xz (patients x genes), tmm.csv and cpm_first100.csv.xz.
suppressMessages(library(edgeR))
set.seed(7); n <- 14; p <- 2000
mu <- exp(rnorm(p, runif(1, -1, 3), runif(1, .5, 2))); mu[1:40] <- 0
C <- matrix(rnbinom(n * p, mu = rep(mu, n) * rep(exp(rnorm(n, 0, .8)), each = p), size = runif(1, .5, 5)), p)
dimnames(C) <- list(sprintf('g%04d', 1:p), sprintf('P%02d', 1:n))
out <- function(m, f) { con <- xzfile(f); write.csv(data.frame(patient = colnames(C), m), con, row.names = FALSE, quote = FALSE) }
out(t(C), 'counts_14x2000.csv.xz')
d <- calcNormFactors(DGEList(C), method = 'TMM')
write.csv(data.frame(patient = colnames(C), factor = sprintf('%.17g', d$samples$norm.factors)), 'tmm.csv', row.names = FALSE, quote = FALSE)
out(format(t(cpm(d, log = TRUE, prior.count = 2)[1:100, ]), digits = 15, trim = TRUE), 'cpm_first100.csv.xz')
