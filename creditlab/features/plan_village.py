"""The plan, village: place, access, the collective's books, and the other households of the village."""

from __future__ import annotations

from functools import partial

from creditlab.features import measures as m
from creditlab.features import measures_conduct as conduct
from creditlab.features import measures_village as village
from creditlab.features.plan_conduct import OWED
from creditlab.features.rows import VILLAGE, rows_of
from creditlab.features.spec import Feature
from creditlab.features.windows import CLOSED_MONTH, LATEST_36, ON_DATE, RECENT_12, RECENT_24, RECORD_YEAR


def place() -> tuple[Feature, ...]:
    """Where the village lies, what it grows, and how it is served (S12)."""
    row, points = rows_of(VILLAGE, "villages"), partial(rows_of(VILLAGE, "service_points"), absent="zero")
    fact = partial(partial, village.fact)
    return (
        row("village_km_to_branch", "距支行", "distance to the branch", "km", +1, ON_DATE, "value",
            fact(column="km_to_branch"), "km_to_branch"),
        row("village_km_to_court", "距法庭", "distance to the court", "km", +1, ON_DATE, "value",
            fact(column="km_to_court"), "km_to_court"),
        row("village_main_crop", "村主要作物", "main crop of the village", "", 0, ON_DATE, "category",
            fact(column="main_crop"), "main_crop", kind="text"),
        row("village_members_per_household", "户均人口", "people by household", "people", 0, ON_DATE, "ratio",
            village.members_per_household, "census_people", "census_households"),
        row("village_income_per_household", "户均村集体收入", "collective income per household", "yuan", -1, ON_DATE,
            "ratio", village.income_per_household, "collective_income", "census_households"),
        points("village_service_points", "村内服务点数", "open service points in the village", "count", -1, ON_DATE,
            "count", village.service_points),
        points("village_agents", "村内农金员数", "agents in the village", "count", -1, ON_DATE, "count",
            partial(village.points_of_kind, kinds=("agent",)), "kind"),
        points("village_terminals", "村内终端与自助设备数", "terminals and self-service devices in the village",
            "count", -1, ON_DATE, "count", partial(village.points_of_kind, kinds=("terminal", "self_service")), "kind"),
        rows_of(VILLAGE, "service_points")("village_months_served", "最早服务点至今月数",
            "months since the oldest open service point", "months", -1, ON_DATE, "time since", village.months_served,
            absent="not_applicable"),
    )  # fmt: skip


def receipts() -> tuple[Feature, ...]:
    """The collective's receipts and payments and their reconciliation (S10)."""
    row = rows_of(VILLAGE, "village_receipts")
    flow = partial(partial, village.receipts_per_household)
    return (
        row("village_receipts_per_household_12m", "户均村集体收款", "collective receipts by household, 12 months",
            "yuan", -1, RECENT_12, "ratio", flow(direction="receipt"), "amount", "direction",
            "villages.census_households"),
        row("village_payments_per_household_12m", "户均村集体支出", "collective payments by household, 12 months",
            "yuan", 0, RECENT_12, "ratio", flow(direction="payment"), "amount", "direction",
            "villages.census_households"),
        row("village_land_rent_share_12m", "土地租金占收款", "land rent's share of the receipts, 12 months", "share",
            0, RECENT_12, "share", partial(village.purpose_share, purpose="land_rent"), "amount", "purpose",
            "direction"),
        row("village_qr_share_12m", "近12个月扫码收款占比", "receipts by QR code, 12 months", "share", 0, RECENT_12,
            "share", partial(village.receipt_share, column="channel", value="qr"), "channel", "direction"),
        row("village_reconciled_share_12m", "近12个月收款对账占比", "receipts reconciled, 12 months", "share", -1,
            RECENT_12, "share", partial(village.receipt_share, column="reconciled", value=1), "reconciled",
            "direction"),
        row("village_receipt_gap_12m", "账面与流水差异占比", "books against the bank statement, 12 months", "share",
            +1, RECENT_12, "gap", village.receipt_gap, "amount", "bank_amount"),
        row("village_voucher_share_12m", "近12个月有凭证占比", "entries with a voucher, 12 months", "share", -1,
            RECENT_12, "share", village.voucher_share, "voucher"),
    )  # fmt: skip


def others() -> tuple[Feature, ...]:
    """Means over the other households of the village, own household excluded, dated before the as-of date."""

    def row(table: str) -> partial[Feature]:
        return partial(rows_of(VILLAGE, table), others=True, absent="not_applicable", undefined="not_applicable")

    deposit = partial(m.year_mean, table="deposits", column="avg_balance")
    insured = partial(m.latest_any, table="agriculture", column="insured")
    return (
        row("loan_months")("village_others_late_share", "本村他户逾期超30天占比",
            "other borrowers of the village overdue by more than 30 days", "share", +1, CLOSED_MONTH, "share",
            partial(conduct.is_late, days=30), "dpd"),
        row("loan_months")("village_others_npl_share", "本村他户不良占比",
            "other borrowers of the village non-performing", "share", +1, CLOSED_MONTH, "share", conduct.is_npl,
            "class5"),
        row("loans")("village_others_borrow_share", "本村他户有贷占比",
            "other households of the village with a loan", "share", 0, CLOSED_MONTH, "share", conduct.is_borrower,
            *OWED),
        row("judgments")("village_others_sued_share_24m", "本村他户被诉占比",
            "other households of the village sued", "share", +1, RECENT_24, "share",
            partial(conduct.sued, months=24), "role"),
        row("deposits")("village_others_deposit_12m", "本村他户存款日均", "average deposit of the other households",
            "yuan", -1, RECORD_YEAR, "mean", deposit, "avg_balance"),
        row("agriculture")("village_others_insured_share", "本村他户参保占比",
            "other households with insured crops", "share", -1, LATEST_36, "share", insured, "insured"),
    )  # fmt: skip
