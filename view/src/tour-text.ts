// The texts of the tour, in English and in Chinese.

/** The facts about the document that the tour mentions. */
export interface Facts {
  tokens: number;
  hidden: number;
  heads: number;
  layers: number;
  /** The attending token, the token that receives most of its attention, and that share; null until they have arrived. */
  found: { name: string; most: string; share: string } | null;
}

export interface Words {
  title: string;
  place: (at: number, of: number) => string;
  close: string;
  back: string;
  next: string;
  done: string;
  other: string;
  pages: { title: string; text: string }[];
}

export type Tongue = 'en' | 'zh';

export function words(tongue: Tongue, facts: Facts): Words {
  return tongue === 'zh' ? chinese(facts) : english(facts);
}

function english({ tokens, hidden, heads, layers, found }: Facts): Words {
  const here = found ? `Here, ${found.name} gives ${found.share} of its attention to ${found.most}.` : '';
  return {
    title: 'Attention in two minutes',
    place: (at, of) => `Attention in two minutes · ${at} of ${of}`,
    close: 'Close',
    back: 'Back',
    next: 'Next',
    done: 'Done',
    other: '中文',
    pages: [
      { title: 'Words become rows of numbers', text: `The model cannot read letters. It cuts the text into tokens, ${tokens} in this unit, and looks up a row of ${hidden} numbers for each. At first, a word has the same row wherever it stands.` },
      { title: 'Each word looks at the others', text: `The sense of a word depends on its neighbors. So each token asks a question (its query), and each token has a label (its key). Where they match, the token looks. ${here}` },
      { title: 'A match becomes a share', text: 'Query and key are multiplied number by number, and the products are added up. The result is the score. Softmax turns all scores into shares, which sum to 1. The darker a square, the larger the share.' },
      { title: 'It takes what it looks at', text: 'Each token also has a value: what it gives to those that look. A token adds up these values, each multiplied by its share, and adds the result to its own row. All sums are on this page, with the numbers of this text.' },
      { title: 'Many heads, many layers', text: `A layer does this ${heads} times side by side: one head follows the neighbors, another finds the same word elsewhere. Then a small network works on each row alone. ${layers} layers follow each other.` },
      { title: 'The result', text: 'After the last layer, the rows are combined into one vector for the whole text, which a search compares. Attention shows what was mixed on the way. How much each word matters for the vector is another question: salience answers it, and says how exact the answer is.' },
    ],
  };
}

function chinese({ tokens, hidden, heads, layers, found }: Facts): Words {
  const here = found ? `在这段文本里，${found.name} 把 ${found.share} 的注意力给了 ${found.most}。` : '';
  return {
    title: '两分钟看懂注意力',
    place: (at, of) => `两分钟看懂注意力 · 第 ${at} 页，共 ${of} 页`,
    close: '关闭',
    back: '上一页',
    next: '下一页',
    done: '完成',
    other: 'English',
    pages: [
      { title: '词变成一行数字', text: `模型不认识文字。它先把文本切成词元（token），这个单元里有 ${tokens} 个，再为每个词元查出一行 ${hidden} 个数字。起初，同一个词元无论出现在哪里，查到的都是同一行数字。` },
      { title: '每个词元看其他词元', text: `一个词的意思取决于它的上下文。所以每个词元提出一个问题（查询，query），每个词元又有一个标签（键，key）。两者越匹配，就看得越多。${here}` },
      { title: '匹配程度变成份额', text: '查询和键逐个数字相乘再相加，得到分数。softmax 把所有分数变成份额，份额之和为 1。方格颜色越深，份额越大。' },
      { title: '看到什么，就取来什么', text: '每个词元还有一个值（value），也就是它给出的内容。词元按份额把各个值加起来，再加到自己那一行数字上。所有的计算都在这个页面上，用的就是这段文本的数字。' },
      { title: '许多个头，许多层', text: `每一层把这件事同时做 ${heads} 遍：有的头看相邻的词，有的头找别处相同的词。然后，一个小网络单独处理每一行。这样的层一共有 ${layers} 层，一层接着一层。` },
      { title: '最后得到什么', text: '最后一层之后，所有的行合成一个代表整段文本的向量，搜索时比较的就是它。注意力只说明途中混合了什么。每个词对这个向量有多重要是另一个问题：“Salience”面板回答它，并说明这个回答有多精确。' },
    ],
  };
}
