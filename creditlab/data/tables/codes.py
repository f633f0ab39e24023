"""The code lists of the contracts: code → (Chinese, English), by column, or by table and column where they differ.

An open list names the usual codes; others are allowed (a bank's own products). A closed list is complete: another
value is a finding. Files may hold the Chinese or English label in place of the code.
"""

from __future__ import annotations

from collections.abc import Mapping

from creditlab.data.tables.contract import CLASSES, PORTS, Codes

_SEX: Codes = {"male": ("男", "male"), "female": ("女", "female")}
_CHANNEL: Codes = {
    "branch": ("网点", "branch"),
    "agent": ("农金员", "agent"),
    "mobile": ("手机银行", "mobile bank"),
    "wechat": ("微信", "WeChat"),
}
_CROPS: Codes = {
    "wheat": ("小麦", "wheat"),
    "maize": ("玉米", "maize"),
    "apple": ("苹果", "apples"),
    "vegetable": ("蔬菜", "vegetables"),
}

#: complete lists
CLOSED: Mapping[str, Codes] = {
    "port": PORTS,
    "class5": CLASSES,
    "households.head_sex": _SEX,
    "members.sex": _SEX,
    "consents.purpose": {"credit": ("授信", "credit"), "screening": ("筛查", "screening")},
    "collection_log.outcome": {
        "done": ("已采集", "done"),
        "refused": ("拒绝", "refused"),
        "not_authorised": ("未授权", "not authorised"),
        "not_connected": ("未接入", "not connected"),
    },
    "collection_log.stated_business": {
        "none": ("无经营", "none"),
        "open": ("在营", "open"),
        "closed": ("停业", "closed"),
    },
    "loans.borrower_kind": {
        "person": ("个人", "person"),
        "cooperative": ("合作社", "cooperative"),
        "family_farm": ("家庭农场", "family farm"),
        "village_collective": ("村集体", "village collective"),
        "firm": ("企业", "firm"),
    },
    "loans.plan": {
        "instalments": ("分期还款", "instalments"),
        "monthly_interest": ("按月结息到期还本", "interest monthly, principal at maturity"),
        "quarterly_interest": ("按季结息到期还本", "interest quarterly, principal at maturity"),
        "harvest": ("收获期还本付息", "principal and interest at harvest"),
        "revolving": ("循环", "revolving"),
    },
    "loans.guarantee": {
        "credit": ("信用", "credit"),
        "joint": ("联保", "joint guarantee"),
        "mortgage": ("抵押", "mortgage"),
        "startup": ("创业担保", "start-up guarantee"),
    },
    "guarantees.kind": {"joint": ("联保", "joint"), "surety": ("保证", "surety")},
    "applications.decision": {
        "granted": ("通过", "granted"),
        "refused": ("拒绝", "refused"),
        "withdrawn": ("撤回", "withdrawn"),
    },
    "businesses.status": {
        "open": ("存续", "open"),
        "cancelled": ("注销", "cancelled"),
        "revoked": ("吊销", "revoked"),
    },
    "tax.grade": {g: (f"{g}级", f"grade {g}") for g in ("A", "B", "M", "C", "D")},
    "judgments.role": {"debtor": ("债务人", "debtor"), "guarantor": ("担保人", "guarantor")},
    "judgments.outcome": {
        "paid": ("履行完毕", "paid"),
        "settled": ("和解", "settled"),
        "no_assets": ("终本", "ended for lack of assets"),
        "resumed": ("恢复执行", "resumed"),
    },
    "village_changes.kind": {
        "rename": ("更名", "rename"),
        "merge": ("合并", "merge"),
        "split": ("分设", "split"),
    },
    "service_points.kind": {
        "agent": ("农金员", "agent"),
        "terminal": ("农金通", "terminal"),
        "self_service": ("自助设备", "self-service device"),
    },
    "village_receipts.direction": {"receipt": ("收入", "receipt"), "payment": ("支出", "payment")},
    "village_receipts.channel": {"qr": ("扫码", "QR code"), "cash": ("现金", "cash")},
}

#: the usual codes; a county may have others
OPEN: Mapping[str, Codes] = {
    "loans.channel": _CHANNEL,
    "applications.channel": _CHANNEL,
    "villages.main_crop": _CROPS,
    "households.ethnicity": {"han": ("汉族", "Han"), "minority": ("少数民族", "minority")},
    "members.relation": {
        "head": ("户主", "head"),
        "spouse": ("配偶", "spouse"),
        "child": ("子女", "child"),
        "parent": ("父母", "parent"),
    },
    "loans.product": {
        "farmer_micro": ("农户小额贷", "micro loan for farmers"),
        "business_operating": ("经营贷", "operating loan"),
        "online_quick": ("线上快贷", "quick loan online"),
        "startup": ("创业贷", "start-up loan"),
    },
    "loans.purpose": {
        "planting": ("种植", "planting"),
        "livestock": ("养殖", "livestock"),
        "machinery": ("农机", "machinery"),
        "trade": ("经商", "trade"),
        "building": ("建房", "building"),
        "consumption": ("消费", "consumption"),
    },
    "applications.reason": {
        "debt_elsewhere": ("他行负债", "debt elsewhere"),
        "no_guarantor": ("无担保人", "no guarantor"),
        "officer_view": ("客户经理意见", "view of the officer"),
        "score": ("评分不足", "score"),
    },
    "businesses.sector": {
        "retail": ("零售", "retail"),
        "catering": ("餐饮", "catering"),
        "transport": ("运输", "transport"),
        "processing": ("加工", "processing"),
        "agricultural_service": ("农业服务", "agricultural service"),
    },
    "programmes.programme": {
        "young_entrepreneur": ("青年创业", "young entrepreneur"),
        "model_family": ("文明家庭", "model family"),
        "award_winner": ("获奖者", "award winner"),
        "honoured_party_member": ("优秀党员", "honoured party member"),
        "startup_guarantee": ("创业担保贷款资格", "eligible for a start-up guarantee"),
    },
    "village_receipts.purpose": {
        "fee": ("收费", "fee"),
        "land_rent": ("土地租金", "land rent"),
        "dividend": ("分红", "dividend"),
        "works": ("工程", "works"),
    },
    "offers.offer": {
        "credit_loan": ("信易贷", "credit for loans"),
        "credit_buy": ("信易购", "credit for shopping"),
        "credit_clinic": ("信易医", "credit at the clinic"),
    },
    "interventions.kind": {
        "seconded_cadre": ("挂职干部", "seconded cadre"),
        "financial_education": ("金融知识下乡", "financial education"),
        "enforcement_drive": ("集中清收", "enforcement drive"),
    },
    "interventions.chosen_by": {
        "worst_rate": ("不良率最高", "worst rate"),
        "random": ("随机", "random"),
        "judgement": ("判断", "judgement"),
    },
}


def codes_of(table: str, column: str) -> tuple[Codes, bool]:
    """The code list of a column and whether it is complete; an empty list where there is none."""
    for listed, closed in ((CLOSED, True), (OPEN, False)):
        for name in (f"{table}.{column}", column):
            if name in listed:
                return listed[name], closed
    return {}, False
