"""The bilingual words of figures and tables: one glossary, Chinese and English.

A figure carries both languages in one string ("坏账率 bad rate"); a report page, which knows the glossary, shows the
one that the reader chose. It holds no sentence: statements belong to the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from creditlab.errors import InputError, message

__all__ = ["Text", "WORDS", "word"]


@dataclass(frozen=True)
class Text:
    """A text in Chinese and in English; both must be there.

    >>> Text("坏账率", "bad rate").both
    '坏账率 bad rate'
    >>> Text.same("AUC").both
    'AUC'
    """

    zh: str
    en: str

    def __post_init__(self) -> None:
        for lang, value in (("zh", self.zh), ("en", self.en)):
            if not isinstance(value, str) or not value.strip():
                raise InputError(
                    message(
                        "a text in both languages", f"{value!r} for {lang}", "Text", "Fill in the missing language."
                    )
                )

    @classmethod
    def same(cls, value: Any) -> Text:
        """A text that reads the same in both languages: a name, a code, a formula."""
        return cls(str(value), str(value))

    @property
    def both(self) -> str:
        """Both languages in one string, Chinese first."""
        return self.zh if self.zh == self.en else f"{self.zh} {self.en}"

    def to_dict(self) -> dict[str, str]:
        return {"zh": self.zh, "en": self.en}


def _glossary(**pairs: tuple[str, str]) -> Mapping[str, Text]:
    return {name: Text(zh, en) for name, (zh, en) in pairs.items()}


#: column name or figure word → what a reader calls it
WORDS: Mapping[str, Text] = _glossary(
    # counts and rates
    n=("样本量", "n"),
    share=("占比", "share"),
    bin_mean=("均值", "mean"),
    mean_by_bin=("各分箱均值", "Mean by bin"),
    bads=("坏样本数", "bads"),
    goods=("好样本数", "goods"),
    bad=("坏", "bad"),
    good=("好", "good"),
    bad_rate=("坏账率", "bad rate"),
    lo=("下限", "lower"),
    hi=("上限", "upper"),
    level=("置信水平", "level"),
    estimate=("估计值", "estimate"),
    interval=("区间", "interval"),
    reason=("原因", "reason"),
    id=("编号", "id"),
    name=("名称", "name"),
    note=("备注", "note"),
    rank=("排名", "rank"),
    missing=("缺失", "missing"),
    split=("样本划分", "split"),
    curve=("曲线", "curve"),
    # binning
    bin=("分箱", "bin"),
    label=("区间或取值", "range or value"),
    woe=("证据权重", "WOE"),
    woe_lo=("证据权重下限", "WOE, lower"),
    woe_hi=("证据权重上限", "WOE, upper"),
    bad_rate_lo=("坏账率下限", "bad rate, lower"),
    bad_rate_hi=("坏账率上限", "bad rate, upper"),
    lower=("下界", "from"),
    upper=("上界", "to"),
    bins=("分箱数", "bins"),
    special=("特殊值", "special"),
    iv=("信息值", "IV"),
    iv_lo=("信息值下限", "IV, lower"),
    iv_hi=("信息值上限", "IV, upper"),
    iv_noise=("无关时信息值", "IV of no relation"),
    clusters=("群组数", "groups"),
    deff=("设计效应", "design effect"),
    amount=("金额", "amount"),
    bad_amount=("坏账金额", "bad amount"),
    amount_bad_rate=("金额坏账率", "bad rate by amount"),
    amount_bad_rate_lo=("金额坏账率下限", "bad rate by amount, lower"),
    amount_bad_rate_hi=("金额坏账率上限", "bad rate by amount, upper"),
    amount_n=("金额有效样本量", "effective n of amounts"),
    shape=("形状", "shape"),
    reversals=("反向处数", "reversals"),
    reversed=("显著反向处数", "reversals beyond chance"),
    holds=("次序保持", "order holds"),
    psi=("群体稳定性指数", "PSI"),
    psi_noise=("随机时PSI", "PSI by chance"),
    period=("时期", "period"),
    groups=("群组", "groups"),
    held_out=("留出样本", "held-out"),
    bins_compared=("各样本分箱坏账率", "Bad rate by bin, samples side by side"),
    bad_rate_by_period=("各时期分箱坏账率", "Bad rate of each bin by period"),
    bad_rate_by_group=("各群组分箱坏账率", "Bad rate of each bin by group"),
    bins_grid=("各特征分箱坏账率", "Bad rate by bin of each characteristic"),
    iv_by_scope=("各范围信息值", "IV by scope"),
    rate_in_training=("该箱开发样本坏账率", "the bin's bad rate in training"),
    apart=("区间不含该箱坏账率", "interval excludes the bin's rate"),
    feature=("特征", "feature"),
    kind=("类型", "kind"),
    trend=("趋势", "trend"),
    kept=("入选", "kept"),
    # scorecard
    points=("分值", "points"),
    score=("评分", "score"),
    coefficient=("系数", "coefficient"),
    coef=("系数", "coefficient"),
    se=("标准误", "std. error"),
    z=("z 值", "z"),
    mean_woe=("平均证据权重", "mean WOE"),
    points_exact=("未取整分值", "points before rounding"),
    p_value=("p 值", "p-value"),
    pd=("违约概率", "PD"),
    tier=("等级", "tier"),
    # validation
    model=("模型", "model"),
    scope=("范围", "scope"),
    statistic=("统计量", "statistic"),
    df=("自由度", "df"),
    threshold=("阈值", "threshold"),
    verdict=("结论", "verdict"),
    reference=("依据", "reference"),
    section=("部分", "section"),
    false_positive_rate=("误报率（好样本）", "false-positive rate (goods)"),
    true_positive_rate=("命中率（坏样本）", "true-positive rate (bads)"),
    predicted=("预测违约率", "predicted PD"),
    observed_rate=("实际坏账率", "observed bad rate"),
    perfect=("完全一致", "perfect"),
    chance=("随机", "chance"),
    # village
    village=("村", "village"),
    village_id=("村编号", "village id"),
    observed=("实际坏样本", "observed bads"),
    expected=("期望坏样本", "expected bads"),
    ratio=("实际/期望", "O/E"),
    ratio_lo=("实际/期望下限", "O/E lower"),
    ratio_hi=("实际/期望上限", "O/E upper"),
    raw_ratio=("原始实际/期望", "raw O/E"),
    shrunken_ratio=("收缩后实际/期望", "shrunken O/E"),
    p_top=("最差前列概率", "P(top k)"),
    ratio_below_2_3=("明显低于期望 (<0.67)", "well below expected (<0.67)"),
    ratio_below=("低于期望 (0.67–0.9)", "below expected (0.67–0.9)"),
    ratio_near=("接近期望 (0.9–1.1)", "near expected (0.9–1.1)"),
    ratio_above=("高于期望 (1.1–1.5)", "above expected (1.1–1.5)"),
    ratio_above_3_2=("明显高于期望 (>1.5)", "well above expected (>1.5)"),
    limits_95=("95% 控制限", "95% limits"),
    limits_998=("99.8% 控制限", "99.8% limits"),
    rate=("坏账率", "bad rate"),
    rate_lo=("坏账率下限", "bad rate, lower"),
    rate_hi=("坏账率上限", "bad rate, upper"),
    p_above=("高于期望的概率", "P(O/E>1)"),
    expected_rank=("期望名次", "expected rank"),
    excess=("超额坏样本", "excess bads"),
    township=("乡镇", "township"),
    outside_998=("超出 99.8% 控制限", "outside 99.8% limits"),
    outside_95=("超出 95% 控制限", "outside 95% limits"),
    within_limits=("控制限之内", "within limits"),
    east=("东向", "east"),
    north=("北向", "north"),
    longitude=("经度", "longitude"),
    latitude=("纬度", "latitude"),
    # where bad villages lie together
    moran=("莫兰散点", "Moran scatter"),
    own_value=("本村标准化值", "the village, standardised"),
    lag=("邻村均值", "mean of its neighbours"),
    q_value=("错误发现率 q", "q (false discoveries)"),
    local_clusters=("局部聚集", "Local clusters"),
    scan_blocks=("扫描聚集", "Blocks found by the scan"),
    high_high=("高值聚集", "high among high"),
    low_low=("低值聚集", "low among low"),
    high_low=("高值孤立", "high among low"),
    low_high=("低值孤立", "low among high"),
    hot=("热点", "hot spot"),
    cold=("冷点", "cold spot"),
    not_significant=("不显著", "not significant"),
    island=("孤岛（无邻村）", "island (no neighbours)"),
    likely_block=("最可能聚集", "most likely block"),
    other_block=("其他可能聚集", "other blocks"),
    outside_blocks=("不在聚集内", "in no block"),
    # why villages differ
    gap=("与全县之差", "gap to the county"),
    composition=("借款人结构", "composition"),
    context=("村环境（收缩）", "context (shrunken)"),
    noise=("偶然", "noise"),
    other_sources=("其他来源", "other sources"),
    level_ratio=("相对水平（1=全县平均）", "level (1 = county average)"),
    bad_share=("不良占比", "bad-loan share"),
    environment=("信用环境", "credit environment"),
    enforcement=("执行难度", "enforcement"),
    clearly_worse=("明显偏差", "clearly worse"),
    clearly_better=("明显较好", "clearly better"),
    not_clear=("不明确", "not clear"),
    no_data=("无数据", "no data"),
    effect=("效应（对数几率）", "effect (log-odds)"),
    village_effect=("村效应（对数几率）", "village effect (log-odds)"),
    beside_effect=("经办人与支行效应（对数几率）", "officer and branch effect (log-odds)"),
    verdict_village=("村本身", "the village"),
    verdict_officer=("经办人或支行", "officer or branch"),
    verdict_not_told_apart=("无法区分", "cannot be told apart"),
    ratio_per_sd=("每标准差的倍数", "factor per standard deviation"),
    composition_ratio=("结构卡 O/E", "O/E, composition card"),
    full_ratio=("全卡 O/E", "O/E, full card"),
    worse_moves=("迁徙变差笔数", "moves to a worse state"),
    quarter=("季度", "quarter"),
    true_ratio=("真实 O/E", "true O/E"),
    inside=("区间含真值", "interval holds the truth"),
    outside=("区间不含真值", "interval misses the truth"),
    # explanation
    importance=("平均绝对贡献", "mean |contribution|"),
    mean_abs=("平均绝对贡献", "mean |contribution|"),
    mean=("平均贡献", "mean contribution"),
    contribution=("对数几率贡献", "contribution to log-odds of bad"),
    source=("数据来源", "source"),
    base_value=("基准值", "base value"),
    total=("合计", "total"),
    raises_risk=("提高风险", "raises risk"),
    lowers_risk=("降低风险", "lowers risk"),
    # loans
    month=("月份", "month"),
    balance=("余额", "balance"),
    npl_ratio=("不良率", "NPL ratio"),
    by_balance=("按余额", "by balance"),
    by_count=("按笔数", "by count"),
    difference=("台账减总账（元）", "book less ledger (yuan)"),
    notes=("笔数", "notes"),
    npl_notes=("不良笔数", "NPL notes"),
    month_end=("月末", "month end"),
    class5=("五级分类", "five-class"),
    npl_balance=("不良余额", "NPL balance"),
    normal=("正常", "normal"),
    special_mention=("关注", "special mention"),
    substandard=("次级", "substandard"),
    doubtful=("可疑", "doubtful"),
    loss=("损失", "loss"),
    # the loan book
    by_household=("按户数", "by household"),
    by_vintage=("按账龄 (vintage)", "by vintage"),
    with_add_back=("按余额，加回核销与转让", "by balance, write-offs and sales added back"),
    npl_recorded=("台账不良率", "NPL ratio as recorded"),
    yuan=("金额（元）", "amount (yuan)"),
    inflow=("新增不良", "inflow"),
    cured=("上调", "cured"),
    repaid=("收回", "repaid"),
    written_off=("核销", "written off"),
    transferred=("转让", "sold"),
    closing=("期末不良余额", "NPL balance at the end"),
    paid=("结清", "paid"),
    state=("月末状态", "state at a month end"),
    next_state=("下月末状态", "state a month later"),
    worse=("下月恶化占比", "share worse a month later"),
    age=("放款后月数", "months since the grant"),
    age_due=("到期后月数", "months since the due date"),
    ever_bad=("曾逾期90天以上占比", "share ever over 90 days past due"),
    product_limit=("含未满期借据的估计", "estimate with younger notes"),
    calendar_month=("日历月份", "calendar month"),
    overdue_share=("逾期占比", "share overdue"),
    due=("到期笔数", "notes falling due"),
    new_bad=("新增坏借据", "newly bad notes"),
    raw=("全部在贷口径", "over all open notes"),
    comparable_rate=("可比口径（已到检验日）", "comparable (came to its test)"),
    untested=("尚不能显示逾期", "cannot show arrears yet"),
    instalments=("分期", "instalments"),
    monthly_interest=("按月结息", "monthly interest"),
    quarterly_interest=("按季结息", "quarterly interest"),
    harvest=("收获后还本付息", "at harvest"),
    revolving=("循环额度", "revolving"),
    dpd=("逾期天数", "days past due"),
    window=("表现窗口", "window"),
    refused_notes=("无法判断的借据", "notes it cannot judge"),
    captured=("已显示的坏借据占比", "share of the bad that has shown"),
    came_back=("一年内回头（结清或无逾期）", "came back within a year"),
    ended_badly=("一年内转坏（180天、核销、转让）", "ended badly within a year"),
    days_after_due=("到期后天数", "days after the due date"),
    households=("户数", "households"),
    left=("剩余", "left"),
    hazard_ratio=("为平均村的倍数", "times the hazard of an average village"),
    month_since_default=("违约后月数", "months since the default"),
    recovered=("累计回收率", "recovered"),
    days=("天数", "days"),
    done=("已完成占比", "share done"),
    approval_oe=("批准 实际/期望", "approvals O/E"),
    bad_oe=("坏账 实际/期望", "bads O/E"),
    applied=("申请数", "applied"),
    judged=("可判借据", "judged notes"),
    branch=("网点", "branch"),
    agent=("农金员", "agent"),
    mobile=("手机银行", "mobile"),
    wechat=("微信", "WeChat"),
    credit=("信用", "credit"),
    joint=("联保", "joint"),
    mortgage=("抵押", "mortgage"),
    startup=("创业担保", "start-up guarantee"),
    farmer_micro=("农户小额", "farmer micro"),
    business_operating=("经营贷", "business"),
    online_quick=("线上快贷", "online quick"),
    # strategy tables
    cutoff=("准入分", "cut-off"),
    approval=("通过率", "approval"),
    profit=("利润", "profit"),
    lift=("提升度", "lift"),
    cum_share=("累计占比（从最差起）", "share of rows, riskiest first"),
    cum_bads=("捕获的坏样本占比", "share of the bads captured"),
    as_good=("与最优无法区分", "not told from the best"),
    behind=("低于最优", "below the best"),
    # samples, models and states, as validation names them
    all=("全部样本", "all"),
    development=("开发样本", "development"),
    train=("开发样本", "train"),
    test=("测试样本", "test"),
    out_of_time=("时间外样本", "out-of-time"),
    card=("评分卡", "scorecard"),
    challenger=("挑战者", "challenger"),
    green=("合格", "pass"),
    amber=("关注", "watch"),
    red=("不合格", "fail"),
    info=("说明", "note"),
    # figure titles
    bad_rate_by_bin=("各分箱坏账率", "Bad rate by bin"),
    woe_by_bin=("各分箱证据权重", "WOE by bin"),
    iv_by_feature=("各特征信息值", "IV by feature"),
    points_by_bin=("各分箱分值", "Points by bin"),
    score_distribution=("评分分布", "Score distribution"),
    coefficients=("回归系数", "Coefficients"),
    bads_captured=("坏样本捕获曲线", "Bads captured"),
    trade_off=("通过率与坏账率", "Approval against bad rate"),
    profit_by_cutoff=("各准入分的利润", "Profit by cut-off"),
    roc=("ROC 曲线", "ROC curve"),
    calibration=("校准图", "Calibration"),
    tests=("检验一览", "Tests"),
    funnel=("村级漏斗图", "Village funnel"),
    caterpillar=("村级排序图", "Villages in order"),
    map=("村级地图", "Village map"),
    top_k=("进入最差前列的概率", "Probability of being among the worst"),
    gap_parts=("差距的分解", "The gap in parts"),
    three_criteria=("三项标准", "The three criteria"),
    effects=("交叉效应", "Crossed effects"),
    beside=("村与经办人", "Village and officer"),
    drivers=("村环境的驱动因素", "Drivers of the context"),
    cards=("结构卡与全卡", "Composition card and full card"),
    moves=("迁徙走势", "Moves by quarter"),
    truth=("估计与真值", "Estimate and truth"),
    feature_importance=("特征重要性", "Feature importance"),
    contributions=("各特征贡献分布", "Contributions by feature"),
    importance_by_source=("各数据来源的重要性", "Importance by source"),
    household=("单户评分解释", "One household explained"),
    reconciliation=("台账与总账差额", "Book against control totals"),
    npl=("不良率走势", "NPL ratio by month"),
    ratios=("不良率：四种口径", "NPL ratios side by side"),
    classes=("五级分类结构", "Five-class structure of the book"),
    flow=("不良贷款变动", "Flow of non-performing loans"),
    transitions=("状态转移矩阵", "Transition matrix"),
    roll_rates=("滚动率", "Roll rates"),
    vintages=("账龄曲线", "Vintage curves"),
    renewals=("续贷后的表现", "What became of renewals"),
    calendar=("农时与逾期", "Arrears by calendar month"),
    comparable=("各还款方式的可比逾期率", "Comparable arrears by plan"),
    definition=("坏的定义：天数与窗口", "Definitions of bad: days and windows"),
    come_back=("逾期之后是否回头", "Who comes back from arrears"),
    maturity=("坏借据何时显现", "When the bad show themselves"),
    waterfall=("样本形成过程", "How the sample came about"),
    hazard=("村的风险倍数", "Hazard by village"),
    recoveries=("清收曲线", "Recovery curves"),
    enforcement_time=("执行所需时间", "Time to enforcement"),
    channels=("各渠道：剔除结构差异后", "Channels, their mixture taken out"),
)


def word(name: str, unit: str = "") -> str:
    """Both languages of a glossary word, with its unit in brackets.

    >>> word("bad_rate", "%")
    '坏账率 bad rate (%)'
    """
    if name not in WORDS:
        raise InputError(message("a word of the glossary", repr(name), "creditlab.plots.words", "Add it to WORDS."))
    return f"{WORDS[name].both} ({unit})" if unit else WORDS[name].both
