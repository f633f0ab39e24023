"""The plan, household-origin: what a household is and earns, none of its conduct as our borrower."""

from __future__ import annotations

from functools import partial

from creditlab.data.schema import TABLES
from creditlab.features import measures as m
from creditlab.features import measures_origin as origin
from creditlab.features.rows import CONDUCT, ORIGIN, rows_of
from creditlab.features.spec import Feature
from creditlab.features.windows import (
    EVER,
    LATEST_24,
    LATEST_36,
    ON_DATE,
    RECENT_36,
    RECORD_TWO_YEARS,
    RECORD_YEAR,
)

AREAS = tuple(f"agriculture.{c.name}" for c in TABLES["agriculture"] if c.name.startswith("area_"))
_CROPS = (("wheat", "小麦"), ("maize", "玉米"), ("apple", "苹果"), ("vegetable", "蔬菜"))


def deposits() -> tuple[Feature, ...]:
    """Deposits and flows, with seasonality."""
    row = partial(rows_of(ORIGIN, "deposits"), absent="not_applicable", undefined="not_applicable")
    of = partial(partial, table="deposits")
    return (
        row("deposit_avg_12m", "近12个月存款日均", "average deposit, 12 months", "yuan", -1, RECORD_YEAR, "mean",
            of(m.year_mean, column="avg_balance"), "avg_balance"),
        row("deposit_end", "最近期末存款", "deposit at the last month end", "yuan", -1, RECORD_YEAR, "value",
            origin.end_balance, "end_balance"),
        row("deposit_low_12m", "近12个月最低期末存款", "lowest deposit at a month end, 12 months", "yuan", -1,
            RECORD_YEAR, "min", origin.lowest_balance, "end_balance"),
        row("deposit_months_covered", "存款可支撑转出月数", "months of outflow that the deposit covers", "months", -1,
            RECORD_YEAR, "ratio", origin.months_covered, "end_balance", "outflow"),
        row("deposit_inflow_12m", "近12个月存款转入", "money in, 12 months", "yuan", -1, RECORD_YEAR, "sum",
            of(m.year_sum, column="inflow"), "inflow"),
        row("deposit_inflow_change", "转入较上一年变化", "money in against the year before", "share", -1,
            RECORD_TWO_YEARS, "change", of(m.year_change, column="inflow"), "inflow"),
        row("deposit_inflow_volatility_12m", "近12个月转入波动", "volatility of money in, 12 months", "share", +1,
            RECORD_YEAR, "spread", of(m.year_spread, column="inflow"), "inflow"),
        row("deposit_inflow_peak_12m", "转入最旺一期占比", "share of money in of the strongest period", "share", +1,
            RECORD_YEAR, "share", of(m.year_peak, column="inflow"), "inflow"),
        row("deposit_harvest_share_12m", "下半年转入占比", "share of money in of July to December", "share", 0,
            RECORD_YEAR, "share", origin.harvest_inflow, "inflow"),
        row("deposit_outflow_share_12m", "近12个月转出与转入之比", "money out over money in, 12 months", "share", +1,
            RECORD_YEAR, "ratio", of(m.year_share, part="outflow", whole="inflow"), "outflow", "inflow"),
        row("deposit_trend_6m", "近6个月存款较前6个月变化", "deposit of 6 months against the 6 before", "share", -1,
            RECORD_YEAR, "change", origin.balance_trend, "end_balance"),
    )  # fmt: skip


def payments() -> tuple[Feature, ...]:
    """Consumption and utilities, where consented."""
    row = partial(rows_of(ORIGIN, "payments"), absent="not_applicable", undefined="not_applicable")
    of = partial(partial, table="payments")
    return (
        row("merchant_receipts_12m", "近12个月商户收款", "merchant receipts, 12 months", "yuan", -1, RECORD_YEAR, "sum",
            of(m.year_sum, column="merchant_receipts"), "merchant_receipts"),
        row("merchant_receipts_change", "商户收款较上一年变化", "merchant receipts against the year before", "share",
            -1, RECORD_TWO_YEARS, "change", of(m.year_change, column="merchant_receipts"), "merchant_receipts"),
        row("consumption_12m", "近12个月消费", "consumption, 12 months", "yuan", -1, RECORD_YEAR, "sum",
            of(m.year_sum, column="consumption"), "consumption"),
        row("consumption_volatility_12m", "近12个月消费波动", "volatility of consumption, 12 months", "share", +1,
            RECORD_YEAR, "spread", of(m.year_spread, column="consumption"), "consumption"),
        row("consumption_to_inflow_12m", "消费与转入之比", "consumption over money in, 12 months", "share", +1,
            RECORD_YEAR, "ratio", origin.consumption_share, "consumption", "deposits.inflow"),
        rows_of(CONDUCT, "payments")("bills_on_time_12m", "近12个月按时缴费占比", "bills paid on time, 12 months",
            "share", -1, RECORD_YEAR, "share", of(m.year_share, part="bills_on_time", whole="bills_due"),
            "bills_on_time", "bills_due", absent="not_applicable", undefined="not_applicable"),
    )  # fmt: skip


def agriculture() -> tuple[Feature, ...]:
    """Production by crop and area, insurance and losses."""
    row = rows_of(ORIGIN, "agriculture")
    total = partial(m.latest_sum, table="agriculture")
    shares = tuple(
        row(f"farm_{crop}_share", f"{zh}面积占比", f"share of the area under {crop}", "share", 0, LATEST_36, "share",
            partial(origin.crop_share, crop=crop), *AREAS, undefined="not_applicable")
        for crop, zh in _CROPS
    )  # fmt: skip
    return (
        row("farm_area", "承包面积", "contracted area", "mu", -1, LATEST_36, "sum", origin.farm_area, *AREAS),
        row("farm_area_per_worker", "劳均承包面积", "area by member who works", "mu", 0, LATEST_36, "ratio",
            origin.area_per_worker, *AREAS, "households.labour", undefined="not_applicable"),
        row("farm_area_change", "承包面积较上一年变化", "area against the year before", "share", -1, LATEST_36,
            "change", origin.area_change, *AREAS, undefined="not_applicable"),
        row("farm_main_crop", "主要作物", "main crop", "", 0, LATEST_36, "category", origin.main_crop, *AREAS,
            kind="text", undefined="not_applicable"),
        row("farm_main_crop_share", "主要作物面积占比", "main crop's share of the area", "share", +1, LATEST_36,
            "share", origin.main_crop_share, *AREAS, undefined="not_applicable"),
        *shares,
        row("farm_livestock", "畜禽折合头数", "livestock, in head of pigs", "count", 0, LATEST_36, "sum",
            partial(total, column="livestock"), "livestock"),
        row("farm_machinery", "农机台数", "machines", "count", -1, LATEST_36, "sum", partial(total, column="machinery"),
            "machinery"),
        row("farm_subsidy", "农业补贴", "farm subsidy", "yuan", 0, LATEST_36, "sum", partial(total, column="subsidy"),
            "subsidy"),
        row("farm_subsidy_per_mu", "亩均补贴", "farm subsidy by mu", "yuan", 0, LATEST_36, "ratio",
            origin.subsidy_per_mu, "subsidy", *AREAS, undefined="not_applicable"),
        row("farm_insured", "参加农业保险", "crop insured", "", -1, LATEST_36, "any",
            partial(m.latest_any, table="agriculture", column="insured"), "insured", kind="flag"),
        row("farm_insured_share_36m", "近三年参保年份占比", "share of insured years, three years", "share", -1,
            RECENT_36, "share", origin.insured_years, "insured"),
        row("farm_insured_loss", "最近一年保险赔付损失", "loss paid by the insurer, latest year", "yuan", 0, LATEST_36,
            "sum", partial(total, column="insured_loss"), "insured_loss"),
        row("farm_insured_loss_36m", "近三年保险赔付损失", "loss paid by the insurer, three years", "yuan", 0,
            RECENT_36, "sum", partial(m.recent_sum, table="agriculture", column="insured_loss", months=36),
    "insured_loss"), )  # fmt: skip


def people() -> tuple[Feature, ...]:
    """The composition of the household."""
    row = rows_of(ORIGIN, "households")
    part = partial(row, undefined="not_applicable")
    return (
        row("household_members", "家庭人口数", "members of the household", "people", 0, ON_DATE, "value",
            partial(origin.census, column="members"), "members"),
        part("household_labour_share", "劳动力占比", "share of members who work", "share", -1, ON_DATE, "share",
            partial(origin.per_member, column="labour"), "labour", "members"),
        row("household_dependants", "被抚养人数", "members who do not work", "people", +1, ON_DATE, "value",
            origin.dependants, "members", "labour"),
        part("household_children_share", "14岁以下占比", "share of members under 14", "share", +1, ON_DATE, "share",
            partial(origin.per_member, column="under_14"), "under_14", "members"),
        part("household_migrants_share", "外出务工占比", "share of members working away", "share", 0, ON_DATE, "share",
            partial(origin.per_member, column="migrants"), "migrants", "members"),
        row("household_away", "全户外出一年以上", "whole household away a year or more", "", 0, ON_DATE, "value",
            partial(origin.census, column="away"), "away", kind="flag"),
    )  # fmt: skip


def visits() -> tuple[Feature, ...]:
    """What the household stated at the latest visit, and how far it agrees with the registers."""
    row = rows_of(ORIGIN, "collection_log")
    return (
        row("stated_income", "自述年收入", "stated income of the year", "yuan", -1, LATEST_36, "value",
            partial(origin.stated, column="stated_income"), "stated_income"),
        row("stated_income_per_member", "人均自述年收入", "stated income by member", "yuan", -1, LATEST_36, "ratio",
            origin.income_per_member, "stated_income", "households.members", undefined="not_applicable"),
        row("stated_business", "自述经营状态", "stated business status", "", 0, LATEST_36, "category",
            partial(origin.stated, column="stated_business"), "stated_business", kind="text"),
        row("stated_area_gap", "自述与登记面积差异", "stated area against the register", "share", +1, LATEST_36, "gap",
            origin.area_gap, "stated_area", *AREAS),
        row("stated_members_gap", "自述与普查人口差异", "stated members against the census", "share", +1, LATEST_36,
            "gap", origin.members_gap, "stated_members", "households.members", undefined="not_applicable"),
    )  # fmt: skip


def business() -> tuple[Feature, ...]:
    """Business status and tax."""
    row, tax = rows_of(ORIGIN, "businesses"), rows_of(ORIGIN, "tax")
    should = {"applies": origin.has_business}
    return (
        row("business_open", "在营经营主体数", "open businesses", "count", 0, ON_DATE, "count", origin.business_open,
            "status", absent="zero"),
        row("business_sector", "经营行业", "sector of the business", "", 0, ON_DATE, "category", origin.business_sector,
            "sector", "status", kind="text", absent="not_applicable"),
        row("business_age", "经营年限（月）", "age of the oldest open business", "months", -1, EVER, "time since",
            origin.business_age, "status", absent="not_applicable"),
        row("business_closed_36m", "近三年注销吊销主体数", "businesses closed, three years", "count", +1, RECENT_36,
            "count", partial(origin.business_closed, months=36), "status", absent="zero"),
        row("business_abnormal", "经营异常名录", "on the abnormal-operation list", "", +1, ON_DATE, "any",
            origin.business_abnormal, "abnormal", kind="flag", absent="not_applicable"),
        tax("tax_grade", "纳税信用等级", "tax grade", "", 0, LATEST_36, "category",
            partial(m.latest_text, table="tax", column="grade"), "grade", "businesses.status", kind="text", **should),
        tax("tax_years_36m", "近三年纳税记录年数", "years with a tax record, three years", "count", -1, RECENT_36,
            "count", origin.tax_years, "grade", "businesses.status", **should),
        tax("tax_paid", "年纳税额", "tax paid in the year", "yuan", -1, LATEST_36, "sum",
            partial(m.latest_sum, table="tax", column="paid"), "paid", "businesses.status", **should),
        tax("tax_paid_change", "纳税额较上一年变化", "tax paid against the year before", "share", -1, LATEST_36,
            "change", partial(m.latest_change, table="tax", column="paid"), "paid", "businesses.status",
            undefined="not_applicable", **should),
        rows_of(CONDUCT, "tax")("tax_arrears", "欠税额", "tax arrears", "yuan", +1, LATEST_36, "sum",
            partial(m.latest_sum, table="tax", column="arrears"), "arrears", "businesses.status", **should),
    )  # fmt: skip


def cover() -> tuple[Feature, ...]:
    """Continuity of social security and of the housing fund."""
    social = rows_of(ORIGIN, "social_security")
    fund = partial(rows_of(ORIGIN, "housing_fund"), absent="not_applicable")
    mean = m.latest_mean
    return (
        social("social_months_12m", "年度社保缴费月数", "months of social security paid in the year", "months", -1,
            LATEST_36, "mean", partial(mean, table="social_security", column="months_paid"), "months_paid"),
        social("social_base", "社保缴费基数", "social security base", "yuan", -1, LATEST_36, "mean",
            partial(mean, table="social_security", column="base"), "base"),
        social("social_paid_share_36m", "近三年社保连续缴费占比", "share of months paid, social security, three years",
            "share", -1, RECENT_36, "share", partial(origin.months_paid_share, table="social_security"),
            "months_paid", "gap_months", undefined="not_applicable"),
        fund("fund_months_12m", "年度公积金缴存月数", "months of housing fund paid in the year", "months", -1,
            LATEST_36, "mean", partial(mean, table="housing_fund", column="months_paid"), "months_paid"),
        fund("fund_base", "公积金缴存基数", "housing fund base", "yuan", -1, LATEST_36, "mean",
            partial(mean, table="housing_fund", column="base"), "base"),
        fund("fund_paid_share_36m", "近三年公积金连续缴存占比", "share of months paid, housing fund, three years",
            "share", -1, RECENT_36, "share", partial(origin.months_paid_share, table="housing_fund"), "months_paid",
            "gap_months", undefined="not_applicable"),
    )  # fmt: skip


def elsewhere() -> tuple[Feature, ...]:
    """The central bank's report and licensed agencies, where consented."""
    table = "credit_reports"
    row, agency = rows_of(ORIGIN, table), rows_of(CONDUCT, "third_party")
    # a report older than two years says nothing of today; members are queried one by one
    latest = partial(m.latest_sum, table=table, months=24, by="person_id")
    return (
        row("outside_debt", "他行负债", "debt elsewhere", "yuan", +1, LATEST_24, "sum",
            partial(latest, column="outside_debt"), "outside_debt"),
        row("outside_debt_to_inflow", "他行负债与年转入之比", "debt elsewhere over money in of the year", "share", +1,
            LATEST_24, "ratio", origin.debt_to_income, "outside_debt", "deposits.inflow", undefined="not_applicable"),
        row("outside_debt_change", "他行负债较上次查询变化", "debt elsewhere against the query before", "share", +1,
            LATEST_36, "change", origin.reports_change, "outside_debt", undefined="not_applicable"),
        row("outside_queries_6m", "征信近6个月查询次数", "credit-report queries, 6 months", "count", +1, LATEST_24,
            "sum", partial(latest, column="queries_6m"), "queries_6m"),
        rows_of(CONDUCT, table)("outside_overdue", "他行逾期", "overdue elsewhere", "yuan", +1, LATEST_24, "sum",
            partial(latest, column="outside_overdue"), "outside_overdue"),
        agency("third_party_flag", "第三方风险标识", "risk flag of a licensed agency", "", +1, LATEST_24, "any",
            partial(m.latest_any, table="third_party", column="flag", months=24), "flag", kind="flag"),
        agency("third_party_score", "第三方评分", "score of a licensed agency", "", -1, LATEST_24, "mean",
            partial(m.latest_mean, table="third_party", column="score", months=24), "score"),
    )  # fmt: skip
