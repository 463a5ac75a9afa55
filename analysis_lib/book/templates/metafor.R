# Recomputes every analysis of the review with metafor, and holds it against the review's own answer.
# Run it in the folder of comparisons.csv and analyses.csv: Rscript metafor.R. Where comparisons share
# arms that are modelled, covariances.csv tells how; their robust intervals need clubSandwich.
# It ends with status 1 if any number differs by more than its convergence allows.

suppressPackageStartupMessages(library(metafor))

comparisons <- read.csv("comparisons.csv", encoding = "UTF-8", stringsAsFactors = FALSE)
analyses <- read.csv("analyses.csv", encoding = "UTF-8", stringsAsFactors = FALSE)
covariances <- NULL
if (file.exists("covariances.csv")) {
  covariances <- read.csv("covariances.csv", encoding = "UTF-8", stringsAsFactors = FALSE)
}
tests <- c(wald = "z", HK = "knha", "HK-adhoc" = "adhoc")
near <- 5e-4 # iterative estimators of tau2 stop at a change of 1e-5

# Comparisons of trials, with random effects between trials and between the comparisons of a trial.
modelled <- function(answer, rows) {
  v <- diag(rows$seTE^2, nrow = nrow(rows))
  pairs <- covariances[covariances$analysis == answer$analysis, ]
  at <- cbind(match(pairs$study1, rows$study), match(pairs$study2, rows$study))
  v[at] <- v[at[, 2:1, drop = FALSE]] <- pairs$covariance
  rows$comparison <- seq_len(nrow(rows))
  if (answer$tau2_method == "FE" || length(unique(rows$trial)) == 1) {
    fit <- rma.mv(rows$TE, v, level = 100 * answer$level, sparse = FALSE)
  } else {
    fit <- rma.mv(rows$TE, v, random = ~ 1 | trial/comparison, data = rows,
                  method = answer$tau2_method, level = 100 * answer$level)
  }
  if (answer$ci_method == "wald") return(fit)
  if (!requireNamespace("clubSandwich", quietly = TRUE)) return(NULL)
  robust(fit, cluster = rows$trial, clubSandwich = TRUE)
}

recomputed <- function(answer) {
  rows <- comparisons[comparisons$analysis == answer$analysis, ]
  level <- 100 * answer$level
  if (answer$pooled_by == "multilevel") return(modelled(answer, rows))
  if (answer$pooled_by == "MH") {
    return(rma.mh(ai = rows$event1, n1i = rows$n1, ci = rows$event2, n2i = rows$n2,
                  measure = answer$measure, correct = FALSE, level = level))
  }
  if (answer$pooled_by == "Peto") {
    return(rma.peto(ai = rows$event1, n1i = rows$n1, ci = rows$event2, n2i = rows$n2,
                    level = level))
  }
  rows <- rows[!is.na(rows$TE), ]
  if (nrow(rows) == 1) answer$ci_method <- "wald" # one study has its own interval
  if (!answer$ci_method %in% names(tests)) return(NULL)
  rma(rows$TE, sei = rows$seTE, method = answer$tau2_method, test = tests[[answer$ci_method]],
      level = level, control = list(maxiter = 10000, threshold = 1e-9, stepadj = 0.5))
}

differ <- function(ours, theirs) {
  !is.na(ours) && !is.na(theirs) && abs(ours - theirs) > near * max(1, abs(theirs))
}

told <- lapply(seq_len(nrow(analyses)), function(i) {
  answer <- as.list(analyses[i, ])
  fit <- recomputed(answer)
  if (is.null(fit)) {
    return(data.frame(analysis = answer$analysis, verdict = "metafor has no such interval"))
  }
  ours <- c(answer$estimate, answer$ci_low, answer$ci_high)
  theirs <- c(as.numeric(fit$beta), fit$ci.lb, fit$ci.ub)
  is_random <- answer$pooled_by == "inverse" && answer$tau2_method != "FE" && fit$k > 1
  if (is_random) {
    ours <- c(ours, answer$tau2)
    theirs <- c(theirs, fit$tau2)
  }
  if (is_random && answer$pi_method == "HTS" && fit$k > 2) {
    classic <- rma(fit$yi, fit$vi, tau2 = fit$tau2)$se
    half <- qt(1 - (1 - answer$level) / 2, fit$k - 2) * sqrt(fit$tau2 + classic^2)
    ours <- c(ours, answer$pi_low, answer$pi_high)
    theirs <- c(theirs, as.numeric(fit$beta) + c(-half, half))
  }
  same <- !any(mapply(differ, ours, theirs))
  data.frame(analysis = answer$analysis, verdict = if (same) "as in metafor" else "DIFFERS",
             review = paste(signif(ours, 5), collapse = " "),
             metafor = paste(signif(theirs, 5), collapse = " "))
})

for (one in told) cat(paste(unlist(one), collapse = " | "), "\n", sep = "")
verdicts <- vapply(told, function(one) one$verdict, character(1))
cat(sum(verdicts == "as in metafor"), "of", length(verdicts), "analyses are as in metafor\n")
write.csv(data.frame(analysis = vapply(told, function(one) one$analysis, character(1)),
                     verdict = verdicts, r = as.character(getRversion()),
                     metafor = as.character(packageVersion("metafor"))),
          "agreement.csv", row.names = FALSE, fileEncoding = "UTF-8")
quit(status = as.integer(any(verdicts == "DIFFERS")))
