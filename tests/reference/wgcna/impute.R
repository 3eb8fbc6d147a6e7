# impute.knn on the first 400 genes of the expression that GSVA's reference uses (genes x samples), 700 values removed.
suppressMessages(library(impute))
X <- t(as.matrix(read.csv('gsva/expr_88x2000.csv', row.names = 1)))
set.seed(3); M <- X[1:400, ]; M[sample(length(M), 700)] <- NA
write.csv(M, 'impute_input_400x88.csv', quote = FALSE); write.csv(impute.knn(M, k = 10)$data, 'impute_knn10_400x88.csv', quote = FALSE)
