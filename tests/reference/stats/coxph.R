# coxph (Efron) and cox.zph of twelve simulated cohorts: heavy ties, few events, rare levels, large and small units, events at time 0.
# Run in this folder; writes coxph_cohorts.csv and coxph_models.json. `coefficients_default` is what coxph gives as it comes.
suppressMessages({library(survival); library(jsonlite)})
set.seed(414)
one <- function(k) {
  n <- c(40, 60, 80, 120, 150, 200, 90, 50, 300, 70, 110, 45)[k]
  d <- data.frame(cohort = k, a = round(rnorm(n), 4), b = round(rexp(n), 3), c = rbinom(n, 1, .3), rare = as.integer(sample(n) <= 3))
  if (k %% 3 == 0) d$a <- round(d$a * 1234.5, 2)
  if (k %% 4 == 1) d$b <- signif(d$b * 1e-5, 5)
  lp <- scale(d$a) * c(.2, 1.2, 2.5)[1 + k %% 3] + .6 * d$c - .4 * scale(d$b) + d$rare
  t <- rexp(n, exp(lp)) * 20; cens <- rexp(n, c(.01, .04, .12)[1 + k %% 3])
  d$time <- pmin(t, cens); d$time <- if (k %% 2) ceiling(d$time / 4) - (k %% 4 == 3) else round(d$time, 3)
  d$event <- as.integer(t <= cens); d }
cohorts <- lapply(1:12, one)
write.csv(do.call(rbind, cohorts), 'coxph_cohorts.csv', row.names = FALSE, quote = FALSE)
cohorts <- split(read.csv('coxph_cohorts.csv'), read.csv('coxph_cohorts.csv')$cohort)
out <- lapply(cohorts, function(d) {
  terms <- c('a', 'b', 'c', if (sum(d$event[d$rare == 1]) > 0) 'rare')
  m <- reformulate(terms, 'Surv(time, event)')
  f <- coxph(m, d, control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60)); s <- summary(f)
  z <- lapply(setNames(nm = c('km', 'identity', if (min(d$time[d$event == 1]) > 0) 'log')), function(g) { t <- try(cox.zph(f, transform = g)$table, silent = TRUE); if (inherits(t, "try-error")) NULL else list(chisq = unname(t[, 'chisq']), p = unname(t[, 'p'])) })
  list(terms = terms, coefficients = unname(coef(f)), coefficients_default = unname(coef(coxph(m, d))), se = unname(sqrt(diag(vcov(f)))), z = unname(s$coefficients[, 'z']),
    p = unname(s$coefficients[, 'Pr(>|z|)']), log_likelihood = f$loglik, chi2 = unname(s$logtest['test']), concordance = unname(f$concordance['concordance']), zph = z) })
write_json(list(survival = as.character(packageVersion('survival')), models = unname(out)), 'coxph_models.json', digits = I(15))
