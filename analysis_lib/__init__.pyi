from analysis_lib import book as book
from analysis_lib import plots as plots
from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions.method_choice import method_choice_ranges, method_choices
from analysis_lib.conclusions.prior_sensitivity import prior_sensitivity
from analysis_lib.effects.across_scales import odds_ratio_from_smd, smd_from_odds_ratio
from analysis_lib.effects.arms import change_unit, combine_arms, rescale, split_comparator
from analysis_lib.effects.changes import ancova_difference, standardized_change_difference
from analysis_lib.effects.clusters import design_effect, inflated
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.effects.conversions import (
    correlation_from_sds,
    sd_from_ci,
    sd_from_difference_ci,
    sd_from_difference_se,
    sd_from_p,
    sd_from_se,
    sd_from_t,
    sd_of_change,
)
from analysis_lib.effects.covariances import shared_arm_covariance, within_trial_covariance
from analysis_lib.effects.events import odds_ratio, risk_difference, risk_ratio
from analysis_lib.effects.generic import generic_effect, hazard_ratio_from_logrank
from analysis_lib.effects.means import (
    mean_change,
    mean_difference,
    standardized_mean_change,
    standardized_mean_difference,
)
from analysis_lib.effects.medians import Skewness, mean_sd_from_median, skewness_of_median
from analysis_lib.effects.paired import (
    crossover_difference,
    crossover_ratio_of_means,
    crossover_smd,
    paired_events,
)
from analysis_lib.effects.ratios_of_means import ratio_of_means, variability_ratio
from analysis_lib.effects.single_groups import (
    back_transformed,
    correlation,
    harmonic_mean,
    proportion,
    proportion_interval,
    rate,
    single_mean,
)
from analysis_lib.effects.suspect_sds import LooksLikeStandardError, warn_if_sd_looks_like_se
from analysis_lib.importing import (
    deduplicate,
    import_results,
    read_records,
    screening_agreement,
)
from analysis_lib.pooling.absolute import AbsoluteEffect, absolute_effect
from analysis_lib.pooling.asymmetry import contour_levels, egger_test, pet_peese
from analysis_lib.pooling.asymmetry_events import (
    deeks_test,
    harbord_test,
    macaskill_test,
    peters_test,
    pustejovsky_test,
)
from analysis_lib.pooling.batch import PooledRows, pool_many
from analysis_lib.pooling.bayesian import BayesianEffect, bayes_pool
from analysis_lib.pooling.copas_interval import HenmiCopas, henmi_copas
from analysis_lib.pooling.dependent_effects import MultilevelEffect, multilevel
from analysis_lib.pooling.events import PooledEvents, pool_events, pool_rates
from analysis_lib.pooling.leaving_out import (
    SubsetFits,
    baujat,
    cumulative,
    gosh,
    influence,
    influential,
    leave_one_out,
)
from analysis_lib.pooling.limits_of_precision import LimitMetaAnalysis, limit_meta_analysis
from analysis_lib.pooling.methods import Methods
from analysis_lib.pooling.pooled_dependent import PooledDependent, pool_dependent
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.pooling.rank_correlation import begg_test, schwarzer_test
from analysis_lib.pooling.regression import MetaRegression, indicators, meta_regression
from analysis_lib.pooling.resampling import Bootstrap, PermutationTest, bootstrap, permutation_test
from analysis_lib.pooling.robust_variance import RobustEffect, robust
from analysis_lib.pooling.selection import SelectionModel, selection_model
from analysis_lib.pooling.simulation import Design, Simulation, simulate
from analysis_lib.pooling.stratified import breslow_day, cochran_mantel_haenszel
from analysis_lib.pooling.subgroups import SubgroupAnalysis, subgroup_analysis
from analysis_lib.pooling.trimming import trim_and_fill
from analysis_lib.pooling.worst_case import WorstCase, worst_case_bias
from analysis_lib.printed.audit import Audit, audit
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.dependence import TreatedEffects, treat_shared_arms
from analysis_lib.review.flow import flow_problems
from analysis_lib.review.info import ReviewInfo
from analysis_lib.review.model import Review, load_review
from analysis_lib.review.shared_arms import find_shared_arms, settle_shared_arms

__all__ = [
    "AbsoluteEffect",
    "Audit",
    "BayesianEffect",
    "Bootstrap",
    "Design",
    "EffectSizes",
    "HenmiCopas",
    "LimitMetaAnalysis",
    "LooksLikeStandardError",
    "MetaRegression",
    "Methods",
    "MultilevelEffect",
    "PermutationTest",
    "PooledDependent",
    "PooledEffect",
    "PooledEvents",
    "PooledRows",
    "Review",
    "ReviewError",
    "ReviewInfo",
    "RobustEffect",
    "SelectionModel",
    "Simulation",
    "Skewness",
    "StudyEffects",
    "SubgroupAnalysis",
    "SubsetFits",
    "TreatedEffects",
    "WorstCase",
    "absolute_effect",
    "ancova_difference",
    "audit",
    "back_transformed",
    "baujat",
    "bayes_pool",
    "begg_test",
    "bootstrap",
    "breslow_day",
    "change_unit",
    "cochran_mantel_haenszel",
    "combine_arms",
    "contour_levels",
    "correlation",
    "correlation_from_sds",
    "crossover_difference",
    "crossover_ratio_of_means",
    "crossover_smd",
    "cumulative",
    "deduplicate",
    "deeks_test",
    "design_effect",
    "egger_test",
    "find_shared_arms",
    "flow_problems",
    "generic_effect",
    "gosh",
    "harbord_test",
    "harmonic_mean",
    "hazard_ratio_from_logrank",
    "henmi_copas",
    "import_results",
    "indicators",
    "inflated",
    "influence",
    "influential",
    "leave_one_out",
    "limit_meta_analysis",
    "load_review",
    "macaskill_test",
    "mean_change",
    "mean_difference",
    "mean_sd_from_median",
    "meta_regression",
    "method_choice_ranges",
    "method_choices",
    "multilevel",
    "odds_ratio",
    "odds_ratio_from_smd",
    "paired_events",
    "permutation_test",
    "pet_peese",
    "peters_test",
    "pool",
    "pool_dependent",
    "pool_events",
    "pool_many",
    "pool_rates",
    "prior_sensitivity",
    "proportion",
    "proportion_interval",
    "pustejovsky_test",
    "rate",
    "ratio_of_means",
    "read_records",
    "rescale",
    "risk_difference",
    "risk_ratio",
    "robust",
    "schwarzer_test",
    "screening_agreement",
    "sd_from_ci",
    "sd_from_difference_ci",
    "sd_from_difference_se",
    "sd_from_p",
    "sd_from_se",
    "sd_from_t",
    "sd_of_change",
    "selection_model",
    "settle_shared_arms",
    "shared_arm_covariance",
    "simulate",
    "single_mean",
    "skewness_of_median",
    "smd_from_odds_ratio",
    "split_comparator",
    "standardized_change_difference",
    "standardized_mean_change",
    "standardized_mean_difference",
    "study_effects",
    "subgroup_analysis",
    "treat_shared_arms",
    "trim_and_fill",
    "variability_ratio",
    "warn_if_sd_looks_like_se",
    "within_trial_covariance",
    "worst_case_bias",
]
