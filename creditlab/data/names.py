"""Chinese names made comparable: one form for variant characters, and how a name is read, surnames as surnames.

Use it to compare the name that one office wrote with the name that another heard. A name is compared in memory and is
kept nowhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from creditlab.errors import MissingExtraError

#: characters that are written in more than one way: each group becomes its first (GB 2312 forms first)
_GROUPS = (
    "吕呂 阎闫閻 萧肖蕭 傅付 丽麗 国囯國 强強彊 华華 兰蘭 张張 刘劉 陈陳 杨楊 赵趙 黄黃 吴吳 "
    "孙孫 马馬 罗羅 郑鄭 谢謝 韩韓 冯馮 邓鄧 许許 苏蘇 卢盧 蒋蔣 贾賈 叶葉 龙龍 凤鳳 "
    "云雲 军軍 东東 荣榮 义義 贵貴 宝寶 庆慶 银銀 红紅 岩巖 峰峯 群羣 杰傑 恩㤙 晋晉 "
    "戴代 邱丘 于於 余馀 钟鐘锺鍾 翠翆 淑俶 珍珎 润潤 顺順 兴興 来來 长長 维維 爱愛 会會 "
    "连連 莲蓮 梦夢 颖穎 莹瑩 坤堃 喆哲 昇升 迺乃 栢柏 勋勛 艳艷豔 剑劍 岭嶺 涛濤 桥橋 "
    "灵靈 娴嫻 宁寧 齐齊 陆陸 顾顧 严嚴 万萬 汤湯 谭譚 贺賀 赖賴 龚龔 钱錢 阳陽 乔喬 "
    "鲍鮑 蓝藍 庞龐 颜顏 骆駱 聂聶 岳嶽 温溫 鲁魯 毕畢 邹鄒 窦竇 辽遼 "
)
_FOLD = {ord(c): group[0] for group in _GROUPS.split() for c in group[1:]}

#: readings of characters as surnames where a dictionary of words reads them otherwise
SURNAMES = {
    "曾": "zeng1", "单": "shan4", "解": "xie4", "任": "ren2", "仇": "qiu2", "查": "zha1", "盖": "ge3", "区": "ou1",
    "朴": "piao2", "翟": "zhai2", "华": "hua4", "缪": "miao4", "宁": "ning4", "乐": "yue4", "覃": "qin2", "冼": "xian3",
    "员": "yun4", "黑": "he4", "秘": "bi4", "繁": "po2", "折": "she2", "纪": "ji3", "燕": "yan1", "应": "ying1",
    "葛": "ge3", "么": "yao1", "种": "chong2", "曲": "qu1", "句": "gou1", "祭": "zhai4", "晟": "cheng2", "都": "du1",
    "哈": "ha3", "柏": "bai3", "洗": "xian3", "尉": "wei4", "过": "guo1", "干": "gan1", "幺": "yao1", "牟": "mu4",
    "訾": "zi1", "逄": "pang2", "佴": "nai4", "郇": "xun2", "郗": "xi1", "隗": "wei3", "殷": "yin1", "卜": "bu3",
}  # fmt: skip
COMPOUND = {
    "尉迟": "yu4chi2", "万俟": "mo4qi2", "长孙": "zhang3sun1", "令狐": "ling2hu2", "澹台": "tan2tai2",
    "欧阳": "ou1yang2", "司马": "si1ma3", "上官": "shang4guan1", "诸葛": "zhu1ge3", "夏侯": "xia4hou2",
    "皇甫": "huang2fu3", "司徒": "si1tu2", "慕容": "mu4rong2", "东方": "dong1fang1", "公孙": "gong1sun1",
    "宇文": "yu3wen2", "轩辕": "xuan1yuan2", "鲜于": "xian1yu2", "闻人": "wen2ren2", "赫连": "he4lian2",
}  # fmt: skip


def folded(name: str) -> str:
    """A name in one form: full-width and variant characters replaced, blanks, dots and brackets left out.

    >>> folded("呂 麗华（户主）"), folded("阿里木·买买提")
    ('吕丽华', '阿里木买买提')
    """
    plain = unicodedata.normalize("NFKC", name).split("(")[0]
    return "".join(c for c in plain if c.isalnum()).translate(_FOLD)


def surname_of(name: str) -> str:
    """The surname of a folded name: of two characters where the name begins with a compound surname.

    >>> surname_of("欧阳春"), surname_of("单雄信")
    ('欧阳', '单')
    """
    return name[:2] if name[:2] in COMPOUND and len(name) > 2 else name[:1]


def readings(names: Iterable[str], tones: bool = True) -> list[str]:
    """How each folded name is read, in pinyin with tone numbers or without; surnames as surnames.

    Raises
    ------
    MissingExtraError : when pypinyin is not installed.

    >>> readings(["单雄信", "曾晓"], tones=False)
    ['shan xiong xin', 'zeng xiao']
    """
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError:
        raise MissingExtraError("pypinyin", "link", "Reading names aloud") from None
    known: dict[str, str] = {}
    for name in names:
        if name not in known:
            surname = surname_of(name)
            front = COMPOUND.get(surname) or SURNAMES.get(surname)
            rest = name[len(surname) :] if front else name
            read = [
                *([_apart(front)] if front else []),
                *lazy_pinyin(rest, style=Style.TONE3, neutral_tone_with_five=True),
            ]
            known[name] = " ".join(read)
    spoken = [known[name] for name in names]
    return spoken if tones else ["".join(c for c in s if not c.isdigit()) for s in spoken]


def _apart(spoken: str) -> str:
    """`ou1yang2` as `ou1 yang2`."""
    return "".join(c + " " if c.isdigit() else c for c in spoken).strip()
