"""The plan, household-conduct: notes, arrears, guarantees, cases, applications of the household."""

from __future__ import annotations

from functools import partial

from creditlab.features import measures_conduct as conduct
from creditlab.features.rows import CONDUCT, rows_of
from creditlab.features.spec import Feature
from creditlab.features.windows import CLOSED_MONTH, EVER, ON_DATE, RECENT_12, RECENT_24, RECENT_36

OWED = ("loan_months.balance", "loans.amount")


def loans() -> tuple[Feature, ...]:
    """Indebtedness with us."""
    row = rows_of(CONDUCT, "loans")
    borrower = partial(row, absent="not_applicable", undefined="not_applicable")
    largest = partial(partial, conduct.largest_note)
    return (
        row("loan_open_notes", "未结清借据数", "open notes", "count", +1, CLOSED_MONTH, "count", conduct.open_notes,
            *OWED, absent="zero"),
        row("loan_balance", "贷款余额", "loan balance", "yuan", +1, CLOSED_MONTH, "sum", conduct.balance, *OWED,
            absent="zero"),
        borrower("loan_balance_to_inflow", "贷款余额与年转入之比", "loan balance over money in of the year", "share",
            +1, CLOSED_MONTH, "ratio", conduct.balance_to_inflow, *OWED, "deposits.inflow"),
        borrower("loan_line_use", "授信使用率", "use of the credit line", "share", +1, CLOSED_MONTH, "ratio",
            conduct.line_use, *OWED, "line_limit"),
        borrower("loan_rate", "未结清借据加权年利率", "rate on open notes, weighted", "share", +1, CLOSED_MONTH, "mean",
            conduct.rate, *OWED, "rate"),
        borrower("loan_due_6m", "未来6个月到期余额", "balance falling due within 6 months", "yuan", 0, CLOSED_MONTH,
            "sum", partial(conduct.due_soon, months=6), *OWED),
        borrower("loan_drawn_24m", "近24个月支用金额", "amount drawn, 24 months", "yuan", 0, RECENT_24, "sum",
            partial(conduct.drawn, months=24), "amount"),
        borrower("loan_guarantee", "最大借据担保方式", "guarantee of the largest open note", "", 0, CLOSED_MONTH,
            "category", largest(column="guarantee"), *OWED, "guarantee", kind="text"),
        borrower("loan_plan", "最大借据还款方式", "repayment plan of the largest open note", "", 0, CLOSED_MONTH,
            "category", largest(column="plan"), *OWED, "plan", kind="text"),
        borrower("loan_purpose", "最大借据用途", "purpose of the largest open note", "", 0, CLOSED_MONTH, "category",
            largest(column="purpose"), *OWED, "purpose", kind="text"),
        borrower("loan_product", "最大借据产品", "product of the largest open note", "", 0, CLOSED_MONTH, "category",
            largest(column="product"), *OWED, "product", kind="text"),
        borrower("loan_remote_share_24m", "近24个月线上支用占比", "share of notes drawn by mobile or WeChat, 24 months",
            "share", 0, RECENT_24, "share", partial(conduct.remote_share, months=24), "channel"),
        borrower("loan_months_since_first", "首笔贷款至今月数", "months since the first note", "months", -1, EVER,
            "time since", conduct.months_since_first),
        borrower("loan_renewals_36m", "近36个月续贷次数", "renewals, 36 months", "count", +1, RECENT_36, "count",
            partial(conduct.renewals, months=36)),
        row("loan_organisation_balance", "名下组织贷款余额", "loan balance of organisations behind which it stands",
            "yuan", +1, CLOSED_MONTH, "sum", conduct.organisation_balance, "loan_months.balance", absent="zero"),
    )  # fmt: skip


def arrears() -> tuple[Feature, ...]:
    """Repayment conduct."""
    row = partial(rows_of(CONDUCT, "loan_months"), absent="not_applicable", undefined="not_applicable")
    late = partial(conduct.late_months, months=24)
    return (
        row("dpd_now", "当前逾期天数", "days past due now", "days", +1, CLOSED_MONTH, "max", conduct.dpd_now, "dpd"),
        row("dpd_max_12m", "近12个月最大逾期天数", "most days past due, 12 months", "days", +1, RECENT_12, "max",
            partial(conduct.dpd_max, months=12), "dpd"),
        row("overdue_months_24m", "近24个月逾期月数", "months overdue, 24 months", "count", +1, RECENT_24, "count",
            partial(conduct.overdue_months, months=24), "dpd"),
        row("late_30_months_24m", "近24个月逾期超30天月数", "months overdue by more than 30 days, 24 months", "count",
            +1, RECENT_24, "count", partial(late, days=30), "dpd"),
        row("late_90_months_24m", "近24个月逾期超90天月数", "months overdue by more than 90 days, 24 months", "count",
            +1, RECENT_24, "count", partial(late, days=90), "dpd"),
        row("months_since_late", "最近一次逾期至今月数", "months since last overdue", "months", -1, EVER, "time since",
            conduct.months_since_late, "dpd"),
        row("overdue_principal_now", "当前逾期本金", "overdue principal now", "yuan", +1, CLOSED_MONTH, "sum",
            partial(conduct.overdue_amount, column="overdue_principal"), "overdue_principal"),
        row("overdue_interest_now", "当前欠息", "overdue interest now", "yuan", +1, CLOSED_MONTH, "sum",
            partial(conduct.overdue_amount, column="overdue_interest"), "overdue_interest"),
        row("worst_class_12m", "近12个月最差五级分类", "worst five-class status, 12 months", "", +1, RECENT_12, "max",
            partial(conduct.worst_class, months=12), "class5"),
        row("ever_special_mention", "曾列入关注及以下", "ever special mention or worse", "", +1, EVER, "any",
            conduct.ever_below_normal, "class5", kind="flag"),
        row("extended_24m", "近24个月展期或重组", "extended or restructured, 24 months", "", +1, RECENT_24, "any",
            partial(conduct.extended, months=24), "extended", "restructured", kind="flag"),
        row("balance_change_12m", "贷款余额较12个月前变化", "loan balance against 12 months before", "share", 0,
            RECENT_24, "change", conduct.balance_change, "balance"),
        row("written_off_ever", "曾核销或转让", "ever written off or transferred", "", +1, EVER, "any",
            conduct.written_off, "written_off", "transferred", kind="flag"),
        row("recovered_24m", "近24个月核销后收回", "recovered after write-off, 24 months", "yuan", 0, RECENT_24, "sum",
            partial(conduct.recovered, months=24), "recovered"),
    )  # fmt: skip


def guarantees() -> tuple[Feature, ...]:
    """The joint-guarantee network: what the household answers for, and who answers for it."""
    row = partial(rows_of(CONDUCT, "guarantees"), absent="zero")
    mine = partial(rows_of(CONDUCT, "guarantees"), absent="not_applicable", undefined="not_applicable")
    return (
        row("guarantees_given", "对外担保借据数", "notes guaranteed for others", "count", +1, ON_DATE, "count",
            conduct.guarantees_given),
        row("guaranteed_amount", "对外担保余额", "balance of the notes guaranteed for others", "yuan", +1, CLOSED_MONTH,
            "sum", conduct.guaranteed_amount, "loan_months.balance"),
        row("guaranteed_dpd", "所担保借据最大逾期天数", "most days past due of notes guaranteed for others", "days", +1,
            CLOSED_MONTH, "max", conduct.guaranteed_dpd, "loan_months.dpd"),
        mine("guarantors", "未结清借据担保户数", "guarantors of the open notes", "count", 0, ON_DATE, "count",
            conduct.guarantors, *OWED),
        mine("guarantors_dpd", "担保户最大逾期天数", "most days past due of the guarantors", "days", +1, CLOSED_MONTH,
            "max", conduct.guarantors_dpd, *OWED, "loan_months.dpd"),
    )  # fmt: skip


def court() -> tuple[Feature, ...]:
    """Judgments and enforcement."""
    row = rows_of(CONDUCT, "judgments")
    found = partial(partial, conduct.case_found)
    return (
        row("cases_open", "未结被执行案件数", "open cases as debtor", "count", +1, ON_DATE, "count", conduct.cases_open,
            "role", absent="zero"),
        row("cases_amount_open", "未结案件标的额", "amount at issue in open cases", "yuan", +1, ON_DATE, "sum",
            conduct.cases_amount, "role", "amount", absent="zero"),
        row("cases_as_guarantor", "未结担保责任案件数", "open cases as guarantor", "count", +1, ON_DATE, "count",
            conduct.cases_as_guarantor, "role", absent="zero"),
        row("cases_enforced", "被执行到位金额", "amount enforced as debtor", "yuan", -1, EVER, "sum",
            conduct.amount_enforced, "role", "enforced_amount", absent="not_applicable"),
        row("cases_restricted", "限制消费或失信", "spending restricted or on the dishonest-debtor list", "", +1, EVER,
            "any", conduct.restricted, "role", "spending_restricted", "dishonest_list", kind="flag", absent="zero"),
        row("cases_evasion", "认定逃废债", "evasion found", "", +1, EVER, "any", found(column="evasion", value=1),
            "role", "evasion", kind="flag", absent="zero"),
        row("cases_no_assets", "终本案件", "a case ended for lack of assets", "", +1, EVER, "any",
            found(column="outcome", value="no_assets"), "role", "outcome", kind="flag", absent="zero"),
        row("months_since_case", "最近一次被诉至今月数", "months since last sued", "months", -1, EVER, "time since",
            conduct.months_since_case, "role", absent="not_applicable"),
    )  # fmt: skip


def applications() -> tuple[Feature, ...]:
    """Applications by channel."""
    row = rows_of(CONDUCT, "applications")
    asked = partial(row, absent="not_applicable", undefined="not_applicable")
    return (
        row("applications_24m", "近24个月申请次数", "applications, 24 months", "count", +1, RECENT_24, "count",
            partial(conduct.applications, months=24), absent="zero"),
        row("refusals_24m", "近24个月被拒申请数", "applications refused, 24 months", "count", +1, RECENT_24, "count",
            partial(conduct.refusals, months=24), absent="zero"),
        asked("applications_remote_share_24m", "近24个月线上申请占比", "share of applications by mobile or WeChat",
            "share", 0, RECENT_24, "share", partial(conduct.remote_applications, months=24), "channel"),
        asked("application_amount_24m", "近24个月最大申请金额", "largest amount asked for, 24 months", "yuan", 0,
            RECENT_24, "max", partial(conduct.asked_amount, months=24), "amount"),
    )  # fmt: skip
