"""What the fake models say. They fit any question, as they answer none."""

THINKING = {
    "zh": (
        "用户想要一个清楚的回答。先想想问题的重点在哪里，再决定怎么组织：先给结论，然后用一两个例子说明，最后提醒可能忽略的地方。"
        "不需要太长，三四句话就够了，语气自然一些。",
        "先把问题拆开来看：背景是什么，真正的困难是什么，有没有更简单的办法。如果直接回答，可能会漏掉前提，"
        "所以先说明前提，再给步骤。好，按这个顺序来写。",
    ),
    "en": (
        "The user wants a clear answer. Let me find the point of the question first, then decide on the order: the"
        " conclusion, one or two examples, and what is easily overlooked. Three or four sentences will do.",
        "Let me take the question apart: what is the background, what is the real difficulty, and is there a simpler"
        " way? A direct answer might skip a premise, so I will state it before the steps.",
    ),
}

PLAIN = {
    "zh": (
        "这个问题可以从两个方面来看。一方面，事情的变化往往比我们想象的慢，就像江水入海，泥沙一点一点沉下来，才有了三角洲；"
        "另一方面，一旦方向定了，积累的力量会越来越明显。所以我的建议是：先做一件小事，坚持两周，再看结果。",
        "简单说：可以，但要分步骤来。第一步，把目标写下来，越具体越好；第二步，找出最花时间的环节，先解决它；"
        "第三步，每天留出十分钟回顾。很多人卡在第二步，因为他们想一次解决所有问题。你可以先从最小的部分开始试试。🙂",
        "我来讲一个小故事吧。河口的渔村里有一位老人，每天清晨去看潮水。有人问他为什么，他说：“潮水每天都来，可没有一天是一样的。”"
        "学习也是这样，看起来在重复，其实每一遍都会看到新的东西。希望这个故事对你有帮助。",
        "谢谢你的提问！先说结论：没有唯一的答案，但有一个可靠的方法。把已经知道的和还不知道的分成两列，"
        "然后只为不知道的那一列找资料。通常找到三份可靠的来源就足够了，剩下的时间用来验证。需要的话，我可以帮你列出第一版清单。",
    ),
    "en": (
        "There are two sides to this. Things change more slowly than we expect, much like a river that builds its delta"
        " grain by grain; and yet, once the direction is settled, what has gathered begins to show. So I would start"
        " with one small step, keep at it for two weeks, and then look at the result.",
        "In short: yes, but step by step. First write the goal down, as concretely as you can. Then find the part that"
        " takes the most time and solve that one before the others. Finally, keep ten minutes a day to look back. Most"
        " people get stuck at the second step, because they want to solve everything at once. 🙂",
        "Let me tell you a short story. In a village at a river's mouth, an old man went to see the tide every morning."
        " Somebody asked him why. “It comes every day,” he said, “and it has never been the same twice.” Learning is"
        " like that: it looks like repetition, but every time there is something new to see.",
        "Thanks for asking! The conclusion first: there is no single answer, but there is a reliable way to find yours."
        " Put what you know and what you don't into two columns, and read up on the second one only. Three good sources"
        " are usually enough; spend the rest of your time on checking them.",
    ),
}

_WORDS_ZH = """\
## 思路

1. 按行读取，**不要**一次读完整个文件
2. 只保留需要的字段

```python
def count_words(path: str) -> int:
    with open(path, encoding="utf-8") as lines:
        return sum(len(line.split()) for line in lines)
```

| 方法 | 内存 | 速度 |
| --- | --- | --- |
| 逐行 | 低 | 快 |
| 一次读完 | 高 | 快 |

> 提示：文件很大时请用逐行的方法。
"""

_GATHER_ZH = """\
可以用 `asyncio.gather` 同时等待多个请求：

```python
import asyncio

async def main() -> None:
    await asyncio.gather(fetch("江"), fetch("河"))

asyncio.run(main())
```

- `gather` 会保持**顺序**
- 任何一个失败，异常会直接抛出
"""

_WORDS_EN = """\
## The idea

1. Read line by line, **not** the whole file at once
2. Keep only what you need

```python
def count_words(path: str) -> int:
    with open(path, encoding="utf-8") as lines:
        return sum(len(line.split()) for line in lines)
```

| way | memory | speed |
| --- | --- | --- |
| by line | low | fast |
| at once | high | fast |

> For large files, read by line.
"""

_GATHER_EN = """\
Wait for several requests at once with `asyncio.gather`:

```python
import asyncio

async def main() -> None:
    await asyncio.gather(fetch("river"), fetch("sea"))

asyncio.run(main())
```

- `gather` keeps the **order**
- if one fails, its exception is raised at once
"""

MARKDOWN = {"zh": (_WORDS_ZH, _GATHER_ZH), "en": (_WORDS_EN, _GATHER_EN)}

TOOL_RESULT = {"zh": "我查到了，结果如下：{result}", "en": "Here is what I found: {result}"}

CITIES = {
    "zh": ("北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "南京", "西安", "重庆"),
    "en": ("Beijing", "Shanghai", "Hangzhou", "Chengdu", "London", "Paris", "Berlin", "Tokyo", "New York", "Hamburg"),
}
