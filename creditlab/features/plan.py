"""The plan: which features there are, what each reads, and what it means that a value is missing.

Add a feature by adding a row. Windows are in the names (12m, 24m); the measures are functions of a view of the
household file; the policy of columns is checked on `reads` whenever features are made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from creditlab.columns import Column, Kind, Level
from creditlab.data.schema import TABLES
from creditlab.features import measures as m
from creditlab.features import measures_conduct as conduct
from creditlab.features import measures_origin as origin
from creditlab.features import measures_village as village
from creditlab.features.known import View
from creditlab.features.spec import Feature

ORIGIN: Level = "household-origin"
CONDUCT: Level = "household-conduct"
VILLAGE: Level = "village"

_AREAS = tuple(f"agriculture.{c.name}" for c in TABLES["agriculture"] if c.name.startswith("area_"))
_OWED = ("loan_months.balance", "loans.amount")

Measure = Callable[[View], pd.Series]


def _row(level: Level, table: str) -> Callable[..., Feature]:
    """Rows of the plan of one level and table: name, zh, en, unit, direction, measure, columns read."""

    def row(
        name: str, zh: str, en: str, unit: str, direction: int, measure: Measure, *reads: str,
        kind: Kind = "number", **meaning: Any,
    ) -> Feature:  # fmt: skip
        column = Column(name, kind, zh=zh, en=en, unit=unit, level=level, direction=direction, source=table)
        named = tuple(r if "." in r else f"{table}.{r}" for r in reads)
        return Feature(column, measure, named, **meaning)

    return row


def _deposits() -> tuple[Feature, ...]:
    row = partial(_row(ORIGIN, "deposits"), absent="not_applicable", undefined="not_applicable")
    mean, total = partial(m.year_mean, table="deposits"), partial(m.year_sum, table="deposits")
    ratio = partial(m.year_share, table="deposits", part="outflow", whole="inflow")
    return (
        row("deposit_avg_12m", "近12个月存款日均", "average deposit, 12 months", "yuan", -1,
            partial(mean, column="avg_balance"), "avg_balance"),
        row("deposit_end", "最近期末存款", "deposit at the last month end", "yuan", -1,
            origin.end_balance, "end_balance"),
        row("deposit_inflow_12m", "近12个月存款转入", "money in, 12 months", "yuan", -1,
            partial(total, column="inflow"), "inflow"),
        row("deposit_inflow_volatility_12m", "近12个月转入波动", "volatility of money in, 12 months", "share", +1,
            origin.inflow_volatility, "inflow"),
        row("deposit_outflow_share_12m", "近12个月转出占转入", "money out over money in, 12 months", "share", +1,
            ratio, "outflow", "inflow"),
        row("deposit_trend_6m", "近6个月存款较前6个月变化", "deposit of 6 months against the 6 before", "share", -1,
            origin.balance_trend, "end_balance"),
    )  # fmt: skip


def _agriculture() -> tuple[Feature, ...]:
    row = _row(ORIGIN, "agriculture")
    total = partial(m.latest_sum, table="agriculture")
    return (
        row("farm_area", "承包面积", "contracted area", "mu", -1, origin.farm_area, *_AREAS),
        row("farm_main_crop", "主要作物", "main crop", "", 0, origin.main_crop, *_AREAS, kind="text",
            undefined="not_applicable"),
        row("farm_main_crop_share", "主要作物面积占比", "main crop's share of the area", "share", +1,
            origin.main_crop_share, *_AREAS, undefined="not_applicable"),
        row("farm_livestock", "畜禽折合头数", "livestock, in head of pigs", "count", 0,
            partial(total, column="livestock"), "livestock"),
        row("farm_machinery", "农机台数", "machines", "count", -1, partial(total, column="machinery"), "machinery"),
        row("farm_subsidy", "农业补贴", "farm subsidy", "yuan", 0, partial(total, column="subsidy"), "subsidy"),
        row("farm_insured", "参加农业保险", "crop insured", "", -1,
            partial(m.latest_any, table="agriculture", column="insured"), "insured", kind="flag"),
        row("farm_insured_loss", "保险赔付损失", "loss paid by the insurer", "yuan", 0,
            partial(total, column="insured_loss"), "insured_loss"),
    )  # fmt: skip


def _people() -> tuple[Feature, ...]:
    row = _row(ORIGIN, "households")
    return (
        row("household_members", "家庭人口数", "members of the household", "people", 0,
            partial(origin.census, column="members"), "members"),
        row("household_labour_share", "劳动力占比", "share of members who work", "share", -1,
            partial(origin.per_member, column="labour"), "labour", "members", undefined="not_applicable"),
        row("household_dependants", "被抚养人数", "members who do not work", "people", +1, origin.dependants,
            "members", "labour"),
        row("household_children_share", "14岁以下占比", "share of members under 14", "share", +1,
            partial(origin.per_member, column="under_14"), "under_14", "members", undefined="not_applicable"),
        row("household_migrants_share", "外出务工占比", "share of members working away", "share", 0,
            partial(origin.per_member, column="migrants"), "migrants", "members", undefined="not_applicable"),
        row("household_away", "全户外出一年以上", "whole household away a year or more", "", 0,
            partial(origin.census, column="away"), "away", kind="flag"),
    )  # fmt: skip


def _business() -> tuple[Feature, ...]:
    row, tax = _row(ORIGIN, "businesses"), _row(ORIGIN, "tax")
    should = {"applies": origin.has_business}
    return (
        row("business_open", "在营经营主体数", "open businesses", "count", 0, origin.business_open, "status",
            absent="zero"),
        row("business_sector", "经营行业", "sector of the business", "", 0, origin.business_sector, "sector", "status",
            kind="text", absent="not_applicable"),
        row("business_abnormal", "经营异常名录", "on the abnormal-operation list", "", +1, origin.business_abnormal,
            "abnormal", kind="flag", absent="not_applicable"),
        tax("tax_grade", "纳税信用等级", "tax grade", "", 0, partial(m.latest_text, table="tax", column="grade"),
            "grade", "businesses.status", kind="text", **should),
        tax("tax_paid", "年纳税额", "tax paid in the year", "yuan", -1,
            partial(m.latest_sum, table="tax", column="paid"), "paid", "businesses.status", **should),
        _row(CONDUCT, "tax")("tax_arrears", "欠税额", "tax arrears", "yuan", +1,
            partial(m.latest_sum, table="tax", column="arrears"), "arrears", "businesses.status", **should),
    )  # fmt: skip


def _cover() -> tuple[Feature, ...]:
    social, fund = _row(ORIGIN, "social_security"), _row(ORIGIN, "housing_fund")
    return (
        social("social_months_12m", "年度社保缴费月数", "months of social security paid in the year", "months", -1,
            partial(m.latest_mean, table="social_security", column="months_paid"), "months_paid"),
        social("social_base", "社保缴费基数", "social security base", "yuan", -1,
            partial(m.latest_mean, table="social_security", column="base"), "base"),
        fund("fund_months_12m", "年度公积金缴存月数", "months of housing fund paid in the year", "months", -1,
            partial(m.latest_mean, table="housing_fund", column="months_paid"), "months_paid",
            absent="not_applicable"),
    )  # fmt: skip


def _payments() -> tuple[Feature, ...]:
    row = partial(_row(ORIGIN, "payments"), absent="not_applicable")
    total = partial(m.year_sum, table="payments")
    on_time = partial(m.year_share, table="payments", part="bills_on_time", whole="bills_due")
    return (
        row("merchant_receipts_12m", "近12个月商户收款", "merchant receipts, 12 months", "yuan", -1,
            partial(total, column="merchant_receipts"), "merchant_receipts"),
        row("consumption_12m", "近12个月消费", "consumption, 12 months", "yuan", -1,
            partial(total, column="consumption"), "consumption"),
        _row(CONDUCT, "payments")("bills_on_time_12m", "近12个月按时缴费占比", "bills paid on time, 12 months", "share",
            -1, on_time, "bills_on_time", "bills_due", absent="not_applicable", undefined="not_applicable"),
    )  # fmt: skip


def _elsewhere() -> tuple[Feature, ...]:
    table = "credit_reports"
    # a report older than two years says nothing of today; members are queried one by one
    latest = partial(m.latest_sum, table=table, months=24, by="person_id")
    return (
        _row(ORIGIN, table)("outside_debt", "他行负债", "debt elsewhere", "yuan", +1,
            partial(latest, column="outside_debt"), "outside_debt"),
        _row(ORIGIN, table)("outside_queries_6m", "征信近6个月查询次数", "credit-report queries, 6 months", "count", +1,
            partial(latest, column="queries_6m"), "queries_6m"),
        _row(CONDUCT, table)("outside_overdue", "他行逾期", "overdue elsewhere", "yuan", +1,
            partial(latest, column="outside_overdue"), "outside_overdue"),
        _row(CONDUCT, "third_party")("third_party_flag", "第三方风险标识", "risk flag of a licensed agency", "", +1,
            partial(m.latest_any, table="third_party", column="flag", months=24), "flag", kind="flag"),
    )  # fmt: skip


def _loans() -> tuple[Feature, ...]:
    row = _row(CONDUCT, "loans")
    none = {"absent": "not_applicable"}
    return (
        row("loan_open_notes", "未结清借据数", "open notes", "count", +1,
            conduct.open_notes, *_OWED, absent="zero"),
        row("loan_balance", "贷款余额", "loan balance", "yuan", +1, conduct.balance, *_OWED, absent="zero"),
        row("loan_line_use", "授信使用率", "use of the credit line", "share", +1,
            conduct.line_use, *_OWED, "line_limit", undefined="not_applicable", **none),
        row("loan_guarantee", "最大借据担保方式", "guarantee of the largest open note", "", 0,
            partial(conduct.largest_note, column="guarantee"), *_OWED, "guarantee", kind="text", **none),
        row("loan_plan", "最大借据还款方式", "repayment plan of the largest open note", "", 0,
            partial(conduct.largest_note, column="plan"), *_OWED, "plan", kind="text", **none),
        row("loan_months_since_first", "首笔贷款至今月数", "months since the first note", "months", -1,
            conduct.months_since_first, **none),
        row("loan_renewals_36m", "近36个月续贷次数", "renewals, 36 months", "count", +1,
            partial(conduct.renewals, months=36), **none),
    )  # fmt: skip


def _conduct() -> tuple[Feature, ...]:
    row = partial(_row(CONDUCT, "loan_months"), absent="not_applicable")
    return (
        row("dpd_now", "当前逾期天数", "days past due now", "days", +1, conduct.dpd_now, "dpd"),
        row("dpd_max_12m", "近12个月最大逾期天数", "most days past due, 12 months", "days", +1,
            partial(conduct.dpd_max, months=12), "dpd"),
        row("overdue_months_24m", "近24个月逾期月数", "months overdue, 24 months", "count", +1,
            partial(conduct.overdue_months, months=24), "dpd"),
        row("ever_special_mention", "曾列入关注及以下", "ever special mention or worse", "", +1,
            conduct.ever_below_normal, "class5", kind="flag"),
        row("extended_24m", "近24个月展期或重组", "extended or restructured, 24 months", "", +1,
            partial(conduct.extended, months=24), "extended", "restructured", kind="flag"),
    )  # fmt: skip


def _network() -> tuple[Feature, ...]:
    court = _row(CONDUCT, "judgments")
    return (
        _row(CONDUCT, "guarantees")("guarantees_given", "对外担保借据数", "notes guaranteed for others", "count", +1,
            conduct.guarantees_given, absent="zero"),
        court("cases_open", "未结被执行案件数", "open cases as debtor", "count", +1, conduct.cases_open, "role",
            absent="zero"),
        court("cases_enforced", "被执行到位金额", "amount enforced as debtor", "yuan", -1, conduct.amount_enforced,
            "role", "enforced_amount", absent="not_applicable"),
        court("cases_restricted", "限制消费或失信", "spending restricted or on the dishonest-debtor list", "", +1,
            conduct.restricted, "role", "spending_restricted", "dishonest_list", kind="flag", absent="zero"),
        _row(CONDUCT, "applications")("refusals_24m", "近24个月被拒申请数", "applications refused, 24 months", "count",
            +1, partial(conduct.refusals, months=24), absent="zero"),
    )  # fmt: skip


def _village() -> tuple[Feature, ...]:
    row, receipts = _row(VILLAGE, "villages"), _row(VILLAGE, "village_receipts")
    return (
        row("village_km_to_branch", "距支行", "distance to the branch", "km", +1,
            partial(village.fact, column="km_to_branch"), "km_to_branch"),
        row("village_km_to_court", "距法庭", "distance to the court", "km", +1,
            partial(village.fact, column="km_to_court"), "km_to_court"),
        row("village_income_per_household", "户均村集体收入", "collective income per household", "yuan", -1,
            village.income_per_household, "collective_income", "census_households"),
        _row(VILLAGE, "service_points")("village_service_points", "村内服务点数", "open service points in the village",
            "count", -1, village.service_points, absent="zero"),
        receipts("village_qr_share_12m", "近12个月扫码收款占比", "receipts by QR code, 12 months", "share", 0,
            partial(village.receipt_share, column="channel", value="qr"), "channel", "direction"),
        receipts("village_reconciled_share_12m", "近12个月收款对账占比", "receipts reconciled, 12 months", "share", -1,
            partial(village.receipt_share, column="reconciled", value=1), "reconciled", "direction"),
    )  # fmt: skip


#: All features, in the order of the frame's columns.
PLAN: tuple[Feature, ...] = (
    *_deposits(), *_agriculture(), *_people(), *_business(), *_cover(), *_payments(), *_elsewhere(), *_loans(),
    *_conduct(), *_network(), *_village(),
)  # fmt: skip
