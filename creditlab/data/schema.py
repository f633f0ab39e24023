"""The contracts of the tables: what each department's table is called, its columns, keys and dates.

Use it to read a county, to write one, and to look up what a column means and what may be done with it. It holds no data
and reads no file. In a table of a month, quarter or year the period is written as its last day.

A row counts from its `known_on`: what the bank received after a date does not exist on that date. Some columns of a row
come later than the row itself (the end of a lawsuit, the withdrawal of a consent); `Table.later` names the date on
which they are known, and before that date they are blank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from creditlab.columns import Access, Column, Kind, Level, Use
from creditlab.errors import ColumnError, message

ORIGIN: Level = "household-origin"
CONDUCT: Level = "household-conduct"
VILLAGE: Level = "village"

#: Who brings a record in: government collector, bank officer, enterprise, or the household itself.
PORTS: Mapping[str, tuple[str, str]] = {
    "government": ("政府端", "government collector"),
    "bank": ("银行端", "bank officer"),
    "enterprise": ("企业端", "enterprise"),
    "self": ("自主更新", "self-update"),
}

#: The five classes of a loan, from best to worst; the last three are non-performing.
CLASSES: Mapping[str, tuple[str, str]] = {
    "normal": ("正常", "normal"),
    "special_mention": ("关注", "special mention"),
    "substandard": ("次级", "substandard"),
    "doubtful": ("可疑", "doubtful"),
    "loss": ("损失", "loss"),
}


@dataclass(frozen=True)
class Table:
    """The contract of one table.

    Parameters
    ----------
    name : the table's name, which is also its file name.
    zh, en : what a Chinese and an English reader call it.
    source : the department that keeps it, in English; `source_zh` the same in Chinese.
    system : the system of the source document it belongs to, S1 to S15.
    row : what one row is.
    keys : the columns that name a row once.
    event : the column with the day the row speaks of; 'observed_on' where it has no other.
    columns : all columns, the four of provenance last.
    later : date column -> the columns that are known only from that date on (blank before it, and where it is blank).

    >>> TABLES["deposits"].keys
    ('household_id', 'month_end')
    >>> TABLES["deposits"]["inflow"].label("en")
    'money in (yuan)'
    """

    name: str
    zh: str
    en: str
    source: str
    source_zh: str
    system: str
    row: str
    keys: tuple[str, ...]
    event: str
    columns: tuple[Column, ...]
    later: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise ColumnError(
            message(f"a column of '{self.name}'", repr(name), "schema", "See creditlab.data.schema.TABLES.")
        )

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)


# -- helpers that keep the contracts readable: one call is one column ------------------------------------------------


def _key(name: str, zh: str, en: str, kind: Kind = "id") -> Column:
    return Column(name, kind, zh=zh, en=en, use="key", required=True)


def _link(name: str, zh: str, en: str, kind: Kind = "id") -> Column:
    """A reference to another row that may be blank."""
    return Column(name, kind, zh=zh, en=en, use="key")


def _meta(name: str, zh: str, en: str, kind: Kind = "text", unit: str = "", required: bool = False) -> Column:
    return Column(name, kind, zh=zh, en=en, unit=unit, use="meta", required=required)


def _day(name: str, zh: str, en: str, required: bool = False) -> Column:
    return _meta(name, zh, en, "date", required=required)


def _amount(
    name: str, zh: str, en: str, level: Level, direction: int = 0, access: Access = "free", unit: str = "yuan"
) -> Column:
    return Column(name, "number", zh=zh, en=en, unit=unit, access=access, level=level, direction=direction)


def _text(name: str, zh: str, en: str, level: Level, access: Access = "free") -> Column:
    return Column(name, "text", zh=zh, en=en, access=access, level=level)


def _flag(name: str, zh: str, en: str, level: Level, direction: int = 0, access: Access = "free") -> Column:
    return Column(name, "flag", zh=zh, en=en, access=access, level=level, direction=direction)


def _aside(name: str, kind: Kind, zh: str, en: str, use: Use, unit: str = "", access: Access = "free") -> Column:
    """A column that no PD model may see: overlay, audit or screening."""
    return Column(name, kind, zh=zh, en=en, unit=unit, use=use, access=access)


PROVENANCE: tuple[Column, ...] = (
    _meta("source", "来源部门", "source", required=True),
    _meta("port", "采集端口", "port", required=True),
    _day("observed_on", "事实日期", "observed on", required=True),
    _day("known_on", "获知日期", "known on", required=True),
)

_HOUSEHOLD = _key("household_id", "户编号", "household")
_VILLAGE_ID = _key("village_id", "村编码", "village", "code")
_NOTE = _key("note_id", "借据号", "note")
_PERSON = _key("person_id", "人员编号", "person")
_YEAR_END = _key("year_end", "年度末", "end of the year", "date")
_MONTH_END = _key("month_end", "月末", "month end", "date")


def _table(
    name: str,
    zh: str,
    en: str,
    department: tuple[str, str],
    system: str,
    row: str,
    keys: tuple[str, ...],
    event: str,
    columns: tuple[Column, ...],
    later: Mapping[str, tuple[str, ...]] | None = None,
) -> Table:
    source, source_zh = department
    owned = tuple(_from(column, name) for column in (*columns, *PROVENANCE))
    return Table(name, zh, en, source, source_zh, system, row, keys, event, owned, dict(later or {}))


def _from(column: Column, table: str) -> Column:
    return Column(
        column.name,
        column.kind,
        zh=column.zh,
        en=column.en,
        unit=column.unit,
        access=column.access,
        use=column.use,
        level=column.level,
        direction=column.direction,
        source=table,
        required=column.required,
    )


_CIVIL = ("civil affairs", "民政局")
_REGISTER = ("household register", "户籍")
_BANK = ("bank", "农商行")
_PLATFORM = ("platform", "信用平台")
_COURT = ("court", "法院")
_COMMITTEE = ("village committee", "村委会")

_PLACES = (
    _table(
        "villages",
        "村",
        "villages",
        _CIVIL,
        "S7",
        "village, valid from-to",
        ("village_id", "valid_from"),
        "valid_from",
        (
            _VILLAGE_ID,
            Column("valid_from", "date", zh="启用日期", en="valid from", use="key", required=True),
            _day("valid_to", "停用日期", "valid to"),
            _meta("name", "村名", "name"),
            _meta("township", "乡镇", "township"),
            _meta("branch", "服务支行", "branch that serves it"),
            _meta("longitude", "经度", "longitude", "number"),
            _meta("latitude", "纬度", "latitude", "number"),
            _amount("census_households", "普查户数", "census households", VILLAGE, unit="households"),
            _amount("census_people", "普查人数", "census people", VILLAGE, unit="people"),
            _text("main_crop", "主要作物", "main crop", VILLAGE),
            _amount("km_to_branch", "距支行", "distance to the branch", VILLAGE, +1, unit="km"),
            _amount("km_to_court", "距法庭", "distance to the court", VILLAGE, +1, unit="km"),
            _amount("collective_income", "村集体收入", "collective income", VILLAGE, -1),
        ),
        {"valid_to": ("valid_to",)},
    ),
    _table(
        "service_points",
        "服务点",
        "service points",
        _BANK,
        "S12",
        "service point",
        ("point_id",),
        "opened_on",
        (
            _key("point_id", "服务点编号", "service point"),
            _VILLAGE_ID,
            _text("kind", "类型", "kind (agent, terminal, self_service)", VILLAGE),
            _day("opened_on", "启用日期", "opened on", required=True),
            _day("closed_on", "撤销日期", "closed on"),
        ),
        {"closed_on": ("closed_on",)},
    ),
    _table(
        "village_receipts",
        "村集体收支",
        "village receipts and payments",
        ("village collective", "村集体（三资）"),
        "S10",
        "receipt or payment of a village",
        ("receipt_id",),
        "paid_on",
        (
            _key("receipt_id", "流水号", "receipt"),
            _VILLAGE_ID,
            _day("paid_on", "收付日期", "paid on", required=True),
            _text("direction", "收付方向", "direction (receipt, payment)", VILLAGE),
            _text("purpose", "用途", "purpose (fee, land_rent, dividend, works)", VILLAGE),
            _text("channel", "收付方式", "channel (qr, cash)", VILLAGE),
            _amount("amount", "账面金额", "amount in the books", VILLAGE),
            _link("household_id", "付款户", "household that paid or was paid"),
            _amount("bank_amount", "银行流水金额", "amount on the bank statement", VILLAGE),
            _flag("voucher", "有凭证", "voucher on file", VILLAGE, -1),
            _flag("reconciled", "已对账", "reconciled", VILLAGE, -1),
        ),
    ),
    _table(
        "offers",
        "激励措施",
        "offers",
        ("government and bank", "政府与农商行"),
        "S11",
        "offer in a village",
        ("offer_id",),
        "offered_from",
        (
            _key("offer_id", "措施编号", "offer"),
            _VILLAGE_ID,
            _meta("offer", "措施", "offer (credit_loan, credit_buy, credit_clinic)", required=True),
            _meta("provider", "提供方", "provider"),
            _meta("condition", "条件", "condition"),
            _meta("contact_officer", "联系人", "contact officer"),
            _day("offered_from", "开始日期", "offered from", required=True),
            _day("offered_to", "结束日期", "offered to"),
        ),
    ),
    _table(
        "interventions",
        "干预措施",
        "interventions",
        _BANK,
        "S13",
        "measure in a village over a period",
        ("intervention_id",),
        "started_on",
        (
            _key("intervention_id", "干预编号", "intervention"),
            _VILLAGE_ID,
            _meta("kind", "类型", "kind (seconded_cadre, financial_education, enforcement_drive)", required=True),
            _day("started_on", "开始日期", "started on", required=True),
            _day("ended_on", "结束日期", "ended on"),
            _meta("chosen_by", "选村方式", "how the village was chosen (worst_rate, random, judgement)"),
        ),
        {"ended_on": ("ended_on",)},
    ),
)

_PEOPLE = (
    _table(
        "households",
        "农户",
        "households",
        _CIVIL,
        "S2",
        "household",
        ("household_id",),
        "observed_on",
        (
            _HOUSEHOLD,
            _VILLAGE_ID,
            _aside("head_birth_year", "number", "户主出生年", "birth year of the head", "audit"),
            _aside("head_sex", "text", "户主性别", "sex of the head", "audit"),
            _aside("ethnicity", "text", "民族", "ethnicity", "audit"),
            _aside("disability", "flag", "有残疾成员", "a member with a disability", "audit"),
            _aside("minimum_living", "flag", "低保户", "minimum-living allowance", "audit"),
            _amount("members", "人口数", "members", ORIGIN, unit="people"),
            _amount("under_14", "14岁以下人数", "members under 14", ORIGIN, +1, unit="people"),
            _amount("labour", "劳动力人数", "members of working age who work", ORIGIN, -1, unit="people"),
            _amount("migrants", "外出务工人数", "members working away", ORIGIN, unit="people"),
            _flag("away", "全户外出一年以上", "whole household away a year or more", ORIGIN),
        ),
    ),
    _table(
        "members",
        "家庭成员",
        "members",
        _REGISTER,
        "S2",
        "person of 14 or more",
        ("person_id",),
        "observed_on",
        (
            _PERSON,
            _HOUSEHOLD,
            _meta("relation", "与户主关系", "relation to the head", required=True),
            _aside("birth_year", "number", "出生年", "birth year", "audit"),
            _aside("sex", "text", "性别", "sex", "audit"),
        ),
    ),
    _table(
        "consents",
        "授权书",
        "consents",
        _PLATFORM,
        "S1",
        "consent of a person to a source and a purpose",
        ("document_no",),
        "given_on",
        (
            _key("document_no", "授权书编号", "document number"),
            _PERSON,
            _HOUSEHOLD,
            _meta("covers", "授权数据源", "source it covers (name of a table)", required=True),
            _meta("purpose", "授权用途", "purpose (credit, screening)", required=True),
            _day("given_on", "授权日期", "given on", required=True),
            _day("valid_to", "有效期至", "valid to", required=True),
            _day("withdrawn_on", "撤回日期", "withdrawn on"),
        ),
        {"withdrawn_on": ("withdrawn_on",)},
    ),
    _table(
        "collection_log",
        "采集记录",
        "collection log",
        _PLATFORM,
        "S9",
        "household, source and visit",
        ("household_id", "covers", "requested_on"),
        "requested_on",
        (
            _HOUSEHOLD,
            _key("covers", "采集数据源", "source asked for (name of a table, or survey)", "text"),
            Column("requested_on", "date", zh="采集日期", en="requested on", use="key", required=True),
            _day("recorded_on", "录入日期", "recorded on"),
            _meta("outcome", "采集结果", "outcome (done, refused, not_authorised, not_connected)", required=True),
            _amount("stated_income", "自述年收入", "stated income of the year", ORIGIN, -1, access="consent"),
            _amount("stated_area", "自述承包面积", "stated contracted area", ORIGIN, unit="mu"),
            _amount("stated_members", "自述人口数", "stated members", ORIGIN, unit="people"),
            _text("stated_business", "自述经营状态", "stated business status (none, open, closed)", ORIGIN),
            _link("stated_village_id", "自述所在村", "stated village", "code"),
        ),
        {"recorded_on": ("recorded_on",)},
    ),
)

_BOOK = (
    _table(
        "loans",
        "借据",
        "loans",
        _BANK,
        "S5",
        "draw-down note",
        ("note_id",),
        "granted_on",
        (
            _NOTE,
            _link("contract_id", "合同号", "contract"),
            _link("line_id", "授信号", "credit line"),
            _amount("line_limit", "授信额度", "limit of the line", CONDUCT),
            _day("line_valid_to", "授信到期日", "line valid to"),
            _link("borrower_id", "借款人编号", "borrower (person or organisation)"),
            _meta(
                "borrower_kind",
                "借款人类型",
                "kind of borrower (person, cooperative, family_farm, village_collective, firm)",
                required=True,
            ),
            _link("household_id", "关联户", "household behind the borrower"),
            _meta("branch", "支行", "branch", required=True),
            _meta("officer_granted", "放款客户经理", "officer at grant"),
            _meta("officer_now", "现管户客户经理", "officer now"),
            _text("product", "产品", "product", CONDUCT),
            _day("granted_on", "发放日", "granted on", required=True),
            _day("due_on", "到期日", "due on", required=True),
            _amount("amount", "借据金额", "amount", CONDUCT),
            _amount("rate", "年利率", "yearly rate", CONDUCT, +1, unit="share"),
            _text(
                "plan",
                "还款方式",
                "repayment plan (instalments, monthly_interest, quarterly_interest, harvest, revolving)",
                CONDUCT,
            ),
            _text("guarantee", "担保方式", "guarantee (credit, joint, mortgage, startup)", CONDUCT),
            _text("purpose", "贷款用途", "purpose", CONDUCT),
            _text("channel", "渠道", "channel (branch, agent, mobile, wechat)", CONDUCT),
            _link("renewed_from", "续贷原借据", "note it renews"),
        ),
    ),
    _table(
        "loan_months",
        "借据月表",
        "loan months",
        _BANK,
        "S5",
        "note and month end",
        ("note_id", "month_end"),
        "month_end",
        (
            _NOTE,
            _MONTH_END,
            _amount("balance", "余额", "balance on the book", CONDUCT),
            _amount("overdue_principal", "逾期本金", "overdue principal", CONDUCT, +1),
            _amount("overdue_interest", "欠息", "overdue interest", CONDUCT, +1),
            _amount("dpd", "逾期天数", "days past due", CONDUCT, +1, unit="days"),
            _text("class5", "五级分类", "five-class status", CONDUCT),
            _flag("extended", "已展期", "extended", CONDUCT, +1),
            _flag("restructured", "已重组", "restructured", CONDUCT, +1),
            _flag("written_off", "已核销", "written off (state at the month end)", CONDUCT, +1),
            _flag("transferred", "已转让", "transferred (state at the month end)", CONDUCT, +1),
            _amount("written_off_balance", "核销余额", "written-off claim still open, off the book", CONDUCT, +1),
            _amount("recovered", "当月收回", "recovered in the month after write-off", CONDUCT, -1),
        ),
    ),
    _table(
        "control_totals",
        "总账控制数",
        "control totals",
        ("bank's ledger", "总账"),
        "S5",
        "month end and class",
        ("month_end", "class5"),
        "month_end",
        (
            _MONTH_END,
            _key("class5", "五级分类", "five-class status", "text"),
            _meta("notes", "借据笔数", "notes on the book", "number"),
            _meta("balance", "余额", "balance on the book", "number", "yuan"),
            _meta("npl_balance", "不良余额", "balance of non-performing notes", "number", "yuan"),
        ),
    ),
    _table(
        "guarantees",
        "担保关系",
        "guarantees",
        _BANK,
        "S5",
        "note and household that guarantees it",
        ("note_id", "household_id"),
        "guaranteed_from",
        (
            _NOTE,
            _key("household_id", "担保户", "household of the guarantor"),
            _text("kind", "担保类型", "kind (joint, surety)", CONDUCT),
            _day("guaranteed_from", "担保起始日", "guaranteed from", required=True),
            _day("guaranteed_to", "担保到期日", "guaranteed to"),
        ),
    ),
    _table(
        "applications",
        "贷款申请",
        "applications",
        _BANK,
        "S5",
        "application",
        ("application_id",),
        "applied_on",
        (
            _key("application_id", "申请号", "application"),
            _HOUSEHOLD,
            _text("channel", "渠道", "channel (branch, agent, mobile, wechat)", CONDUCT),
            _text("product", "产品", "product", CONDUCT),
            _amount("amount", "申请金额", "amount asked for", CONDUCT),
            _day("applied_on", "申请日", "applied on", required=True),
            _meta("decision", "审批结果", "decision (granted, refused, withdrawn)"),
            _meta("reason", "拒绝原因", "reason of a refusal"),
            _day("decided_on", "审批日", "decided on"),
            _link("note_id", "借据号", "first note granted on it"),
        ),
        {"decided_on": ("decision", "reason", "decided_on", "note_id")},
    ),
    _table(
        "deposits",
        "存款",
        "deposits",
        _BANK,
        "S4",
        "household and month end (quarter end in the sample)",
        ("household_id", "month_end"),
        "month_end",
        (
            _HOUSEHOLD,
            _MONTH_END,
            _amount("avg_balance", "日均余额", "average balance", ORIGIN, -1),
            _amount("end_balance", "期末余额", "balance at the end", ORIGIN, -1),
            _amount("inflow", "转入", "money in", ORIGIN, -1),
            _amount("outflow", "转出", "money out", ORIGIN),
        ),
    ),
    _table(
        "payments",
        "生活消费支付",
        "payments",
        ("bank's QR and utilities", "收单与公用事业"),
        "S1",
        "household and month end (quarter end in the sample)",
        ("household_id", "month_end"),
        "month_end",
        (
            _HOUSEHOLD,
            _MONTH_END,
            _amount("merchant_receipts", "商户收款", "merchant receipts", ORIGIN, -1, access="consent"),
            _amount("consumption", "消费支出", "consumption", ORIGIN, -1, access="consent"),
            _amount("bills_due", "应缴账单", "bills due", CONDUCT, access="consent", unit="count"),
            _amount("bills_on_time", "按时缴费", "bills paid on time", CONDUCT, -1, access="consent", unit="count"),
        ),
    ),
)

_DEPARTMENTS = (
    _table(
        "credit_reports",
        "征信报告",
        "credit reports",
        ("central bank's registry", "人民银行征信中心"),
        "S1",
        "person and query",
        ("person_id", "queried_on"),
        "queried_on",
        (
            _PERSON,
            _HOUSEHOLD,
            Column("queried_on", "date", zh="查询日期", en="queried on", use="key", required=True),
            _amount("outside_debt", "他行负债", "debt elsewhere", ORIGIN, +1, access="consent"),
            _amount("outside_overdue", "他行逾期", "overdue elsewhere", CONDUCT, +1, access="consent"),
            _amount("queries_6m", "近6个月查询次数", "queries, 6 months", ORIGIN, +1, access="consent", unit="count"),
        ),
    ),
    _table(
        "third_party",
        "第三方数据",
        "third-party data",
        ("licensed credit agency", "持牌征信机构"),
        "S1",
        "household, product and date",
        ("household_id", "product", "dated_on"),
        "dated_on",
        (
            _HOUSEHOLD,
            _key("product", "产品", "product", "text"),
            Column("dated_on", "date", zh="评分日期", en="dated on", use="key", required=True),
            _amount("score", "评分", "score", CONDUCT, -1, access="consent", unit=""),
            _flag("flag", "风险标识", "risk flag", CONDUCT, +1, access="consent"),
            _meta("licence", "许可证号", "licence of the agency"),
        ),
    ),
    _table(
        "businesses",
        "经营主体",
        "businesses",
        ("business registry", "市场监管局"),
        "S1",
        "business and period of a status",
        ("business_id", "status_from"),
        "status_from",
        (
            _key("business_id", "主体编号", "business"),
            _HOUSEHOLD,
            _text("sector", "行业", "sector", ORIGIN),
            _text("status", "登记状态", "status (open, cancelled, revoked)", ORIGIN),
            _flag("abnormal", "经营异常名录", "on the abnormal-operation list", ORIGIN, +1),
            Column("status_from", "date", zh="状态起始日", en="status from", use="key", required=True),
            _day("status_to", "状态截止日", "status to"),
        ),
        {"status_to": ("status_to",)},
    ),
    _table(
        "tax",
        "纳税",
        "tax",
        ("tax bureau", "税务局"),
        "S1",
        "household or its business, and year",
        ("household_id", "year_end"),
        "year_end",
        (
            _HOUSEHOLD,
            _link("business_id", "主体编号", "business"),
            _YEAR_END,
            _text("grade", "纳税信用等级", "tax grade (A, B, M, C, D)", ORIGIN),
            _amount("paid", "纳税额", "tax paid", ORIGIN, -1, access="consent"),
            _amount("arrears", "欠税额", "tax arrears", CONDUCT, +1, access="consent"),
        ),
    ),
    _table(
        "social_security",
        "社会保险",
        "social security",
        ("social security bureau", "社保局"),
        "S1",
        "person and year",
        ("person_id", "year_end"),
        "year_end",
        (
            _PERSON,
            _HOUSEHOLD,
            _YEAR_END,
            _amount("months_paid", "缴费月数", "months paid", ORIGIN, -1, unit="months"),
            _amount("base", "缴费基数", "contribution base", ORIGIN, -1, access="consent"),
            _amount("gap_months", "断缴月数", "months without payment", ORIGIN, +1, unit="months"),
        ),
    ),
    _table(
        "housing_fund",
        "住房公积金",
        "housing fund",
        ("housing fund centre", "公积金中心"),
        "S1",
        "person and year",
        ("person_id", "year_end"),
        "year_end",
        (
            _PERSON,
            _HOUSEHOLD,
            _YEAR_END,
            _amount("months_paid", "缴存月数", "months paid", ORIGIN, -1, unit="months"),
            _amount("base", "缴存基数", "contribution base", ORIGIN, -1, access="consent"),
            _amount("gap_months", "断缴月数", "months without payment", ORIGIN, +1, unit="months"),
        ),
    ),
    _table(
        "agriculture",
        "农业生产",
        "agriculture",
        ("agriculture and rural affairs", "农业农村局"),
        "S1",
        "household and year",
        ("household_id", "year_end"),
        "year_end",
        (
            _HOUSEHOLD,
            _YEAR_END,
            _amount("area_wheat", "小麦面积", "wheat", ORIGIN, unit="mu"),
            _amount("area_maize", "玉米面积", "maize", ORIGIN, unit="mu"),
            _amount("area_apple", "苹果面积", "apples", ORIGIN, unit="mu"),
            _amount("area_vegetable", "蔬菜面积", "vegetables", ORIGIN, unit="mu"),
            _amount("livestock", "畜禽折合头数", "livestock, in head of pigs", ORIGIN, unit="count"),
            _amount("machinery", "农机台数", "machines", ORIGIN, -1, unit="count"),
            _amount("subsidy", "补贴金额", "subsidy", ORIGIN),
            _flag("insured", "参加农业保险", "crop insured", ORIGIN, -1, access="consent"),
            _amount("insured_loss", "保险赔付损失", "loss paid by the insurer", ORIGIN, access="consent"),
        ),
    ),
    _table(
        "programmes",
        "荣誉与项目",
        "programmes and honours",
        ("Youth League, Women's Federation, organisation department, employment office", "团委、妇联、组织部、就业办"),
        "S14",
        "household and award",
        ("household_id", "programme", "awarded_on"),
        "awarded_on",
        (
            _HOUSEHOLD,
            Column("programme", "text", zh="项目", en="programme", use="overlay", required=True),
            Column("awarded_on", "date", zh="授予日期", en="awarded on", use="overlay", required=True),
            _aside("valid_to", "date", "有效期至", "valid to", "overlay"),
        ),
    ),
    _table(
        "medical_arrears",
        "医疗欠费",
        "unpaid medical bills",
        ("health commission", "卫健委"),
        "S8",
        "household and bill",
        ("bill_id",),
        "billed_on",
        (
            _key("bill_id", "账单编号", "bill"),
            _HOUSEHOLD,
            _day("billed_on", "出账日期", "billed on", required=True),
            _aside("unpaid_amount", "number", "未缴金额", "unpaid amount", "screening", "yuan", "consent"),
            _aside("days_unpaid", "number", "未缴天数", "days unpaid", "screening", "days", "consent"),
        ),
    ),
    _table(
        "judgments",
        "司法案件",
        "judgments",
        _COURT,
        "S7",
        "case",
        ("case_id",),
        "filed_on",
        (
            _key("case_id", "案号", "case"),
            _meta("court", "法院", "court"),
            _HOUSEHOLD,
            _text("role", "当事人身份", "role (debtor, guarantor)", CONDUCT),
            _amount("amount", "标的额", "amount", CONDUCT, +1),
            _day("filed_on", "立案日", "filed on", required=True),
            _day("enforcement_on", "申请执行日", "enforcement applied for on"),
            _amount("enforced_amount", "执行到位金额", "amount enforced", CONDUCT, -1),
            _flag("evasion", "逃废债", "evasion found", CONDUCT, +1),
            _text("outcome", "结案方式", "outcome (paid, settled, no_assets, resumed)", CONDUCT),
            _day("closed_on", "结案日", "closed on"),
            _flag("spending_restricted", "限制消费", "spending restricted", CONDUCT, +1),
            _flag("dishonest_list", "失信被执行人", "on the dishonest-debtor list", CONDUCT, +1),
        ),
        {
            "enforcement_on": ("enforcement_on", "spending_restricted"),
            "closed_on": ("closed_on", "outcome", "enforced_amount", "evasion", "dishonest_list"),
        },
    ),
    _table(
        "civility_events",
        "文明积分",
        "civility events",
        _COMMITTEE,
        "S3",
        "household and event",
        ("event_id",),
        "happened_on",
        (
            _key("event_id", "事件编号", "event"),
            _HOUSEHOLD,
            _aside("happened_on", "date", "发生日期", "happened on", "overlay"),
            _aside("quarter", "text", "季度", "quarter", "overlay"),
            _aside("rule", "text", "评分规则", "rule", "overlay"),
            _aside("points", "number", "加减分", "points", "overlay"),
            _aside("witnessed_by", "text", "见证人", "witnessed by", "overlay"),
        ),
    ),
)

#: All tables of a county by name.
TABLES: dict[str, Table] = {table.name: table for table in (*_PLACES, *_PEOPLE, *_BOOK, *_DEPARTMENTS)}
