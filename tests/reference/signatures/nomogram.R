# rms::nomogram of twelve logistic models of simulated patients: points of every axis, and where risks stand on the totals.
# Run in this folder; writes nomogram_patients.csv, nomogram_models.json and pretty.csv.
suppressMessages({library(rms); library(jsonlite)})
set.seed(2024); n <- 240
d <- data.frame(age = round(rnorm(n, 58, 11), 1), volume = signif(exp(rnorm(n, 8, 1.2)), 6), entropy = signif(rnorm(n, 4, .3), 7),
  emphasis = signif(rexp(n, 4e4), 5), nodes = rpois(n, 1.2), stage = sample(1:4, n, TRUE, c(.4, .3, .2, .1)), site = sample(c('a', 'b', 'c'), n, TRUE),
  score = round(plogis(rnorm(n)), 4), flag = rbinom(n, 1, .3))
lp <- scale(d$age) * .5 + scale(log(d$volume)) * .9 + (d$site == 'c') * .8 + d$flag - .4 * d$stage + 2 * d$score
d$often <- rbinom(n, 1, plogis(lp)); d$rare <- rbinom(n, 1, plogis(lp - 3)); d$clear <- rbinom(n, 1, plogis(3 * lp - 1)); d$noise <- rbinom(n, 1, .5)
write.csv(d, 'nomogram_patients.csv', row.names = FALSE, quote = FALSE)
d$site <- factor(d$site); dd <- datadist(d); options(datadist = 'dd')
models <- list(often ~ age + volume, often ~ entropy + emphasis + flag, often ~ score, rare ~ age + score + site, rare ~ volume + nodes,
  clear ~ age + volume + score + flag + site, clear ~ volume + stage, noise ~ age + entropy, noise ~ emphasis + site, noise ~ nodes + stage,
  often ~ age + volume + entropy + emphasis + nodes + stage + site + score + flag, rare ~ score + flag)
out <- lapply(models, function(m) {
  f <- lrm(m, d, tol = 1e-14, eps = 1e-12, maxit = 50); p <- nomogram(f, fun = plogis, funlabel = 'risk', fun.at = c(.05, seq(.1, .9, .1), .95)); i <- attr(p, 'info')
  terms <- all.vars(m)[-1]
  list(outcome = all.vars(m)[1], terms = terms, coefficients = unname(coef(f)), values = lapply(setNames(nm = terms), function(t) p[[t]][[1]]),
    points = lapply(setNames(nm = terms), function(t) unname(p[[t]]$points)), points_per_unit = i$sc,
    linear = p$lp$x.real, linear_points = unname(p$lp$x), risk = p$risk$fat, risk_points = unname(p$risk$x)) })
write_json(list(rms = as.character(packageVersion('rms')), models = out), 'nomogram_models.json', digits = 12, auto_unbox = FALSE)
# pretty() of random ranges, some of which begin or end at a hair's breadth of a tick.
ranges <- data.frame(low = rnorm(400) * 10^runif(400, -7, 6), width = 10^runif(400, -5, 6), n = sample(c(5, 10), 400, TRUE))
ranges$high <- ranges$low + ranges$width
p <- Map(pretty, Map(c, ranges$low, ranges$high), ranges$n)
write.csv(cbind(ranges[c('low', 'high', 'n')], first = sapply(p, `[`, 1), step = sapply(p, function(x) signif(x[2] - x[1], 1)), ticks = lengths(p)) |>
  transform(low = sprintf('%.17g', low), high = sprintf('%.17g', high)), 'pretty.csv', row.names = FALSE, quote = FALSE)
