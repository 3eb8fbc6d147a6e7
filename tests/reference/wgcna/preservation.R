# modulePreservation of the modules found in 88 x 3,000, genes 1-800: patients 1-44 are the reference, 45-88 the test cohort.
# Its powers are fixed: 6, and 12 on a signed network. Only the unsigned run has enough permutations for its Z.
suppressMessages(library(WGCNA)); options(stringsAsFactors = FALSE)
X <- as.matrix(read.csv("expr_88x3000.csv", row.names = 1))[, 1:800]
labels <- read.csv("modules_unsigned_TOMunsigned.csv")$label[1:800]
for (network in c("unsigned", "signed", "signed hybrid")) {
  mp <- modulePreservation(list(old = list(data = X[1:44, ]), new = list(data = X[45:88, ])), list(old = labels), referenceNetworks = 1,
    testNetworks = 2, nPermutations = if (network == "unsigned") 200 else 3, randomSeed = 1, quickCor = 0, networkType = network,
    maxModuleSize = 1000, savePermutedStatistics = FALSE, verbose = 0)
  o <- mp$preservation$observed[[1]][[2]]; z <- mp$preservation$Z[[1]][[2]]
  write.csv(cbind(module = rownames(o), o, z[, -1]), paste0("preservation_", gsub(" ", "_", network), ".csv"), row.names = FALSE, quote = FALSE)
}
