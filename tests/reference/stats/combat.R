# sva::ComBat of a table with batches of 2 to 23 patients: every form it has. Run in this folder; writes combat_small.csv.xz (the input) and
# combat_small_<form>.csv.xz (patients x features).
suppressMessages(library(sva))
set.seed(14); sizes <- c(2, 3, 9, 23); b <- rep(c('two', 'three', 'nine', 'many'), sizes); n <- length(b); p <- 40
age <- round(rnorm(n, 55, 12), 1); her2 <- rbinom(n, 1, .4)
X <- sapply(1:p, function(j) rnorm(1, 5, 3) + rnorm(n) * rexp(1) + .03 * j / p * age + .5 * her2 * (j %% 3 == 0) + rnorm(4)[match(b, unique(b))])
X <- signif(X * 10^rep(c(-3, 0, 2, 5), length.out = p)[col(X)], 8)
colnames(X) <- sprintf('f%02d', 1:p)
out <- function(m, f) { con <- xzfile(f); write.csv(m, con, row.names = FALSE, quote = FALSE) }
out(data.frame(X, batch = b, age = age, her2 = her2), 'combat_small.csv.xz')
mod <- model.matrix(~ age + her2)
forms <- list(parametric = list(), covariates = list(mod = mod), mean_only = list(mean.only = TRUE), mean_only_covariates = list(mean.only = TRUE, mod = mod),
  reference = list(ref.batch = 'nine'), reference_covariates = list(ref.batch = 'many', mod = mod), nonparametric = list(par.prior = FALSE),
  nonparametric_covariates = list(par.prior = FALSE, mod = mod), nonparametric_reference = list(par.prior = FALSE, ref.batch = 'three'),
  nonparametric_mean_only = list(par.prior = FALSE, mean.only = TRUE), reference_mean_only = list(ref.batch = 'two', mean.only = TRUE))
for (f in names(forms)) { o <- suppressMessages(do.call(ComBat, c(list(dat = t(X), batch = b), forms[[f]]))); out(format(t(o), digits = 15, trim = TRUE), paste0('combat_small_', f, '.csv.xz')) }
