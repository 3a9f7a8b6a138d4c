/** Predict: the model's predictions at the cursor in a list that marks the words behind each token. Nothing is inserted. */
import * as vscode from 'vscode';

import type { NextToken, PredictAnswer, PredictArgs, WhyToken } from '../protocol';
import { AnswerMarks, type Marked } from './answermarks';
import { asked, type Core, front } from './core';
import { patiently } from './progress';

/** Milliseconds that a line must stay active before its words are computed. */
const MOMENT = 150;
/** The number of words that a line names. */
const NAMED = 5;

interface Question {
  why: number;
  ratherThan?: number;
}

interface Pick extends vscode.QuickPickItem {
  next: NextToken;
}

const rather: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('diff'),
  tooltip: 'Why the First One Rather Than This?',
};

export async function predict(core: Core, given?: PredictArgs): Promise<PredictAnswer | undefined> {
  const editor = given ? undefined : front();
  const place = given ?? (editor && { uri: editor.document.uri.toString(), position: editor.selection.active });
  if (!place) {
    return undefined;
  }
  const answer = await patiently('looking what comes next', (token) => request(core, place, token));
  if (answer.next.length === 0) {
    void vscode.window.showInformationMessage('Fovea: There is no text before this place.');
  } else if (!given?.why && !given?.ratherThan) {
    new List(core, place, answer).show();
  }
  return answer;
}

function request(core: Core, place: PredictArgs, token: vscode.CancellationToken): Promise<PredictAnswer> {
  return core.server.execute<PredictAnswer>('fovea.predict', [place], token);
}

class List {
  private readonly picker = vscode.window.createQuickPick<Pick>();
  private readonly marks = new AnswerMarks('speaks for it');
  private readonly explained = new Map<Pick, WhyToken>();
  private running = new vscode.CancellationTokenSource();
  /** The marked token or place. */
  private marked: Marked | undefined;
  private kept = false;

  constructor(
    private readonly core: Core,
    private readonly place: PredictArgs,
    answer: PredictAnswer,
  ) {
    this.picker.title = `${answer.masked ? 'What stands here' : 'What comes next'}, by ${answer.model}`;
    this.picker.placeholder = 'The marked words speak for the token; nothing is inserted';
    this.picker.items = answer.next.map(pick);
    this.picker.keepScrollPosition = true;
    this.picker.onDidChangeActive(([active]) => {
      const known = active && this.explained.get(active);
      if (known) {
        this.mark(known);
      } else if (active) {
        void this.explain({ why: active.next.id }, active);
      }
    });
    this.picker.onDidTriggerItemButton(({ item }) => void this.explain({ why: answer.next[0]!.id, ratherThan: item.next.id }, item));
    this.picker.onDidAccept(() => {
      if (this.marked) {
        this.kept = true;
        this.marks.keep(this.marked);
      }
      this.picker.hide();
    });
    this.picker.onDidHide(() => {
      this.running.cancel();
      if (!this.kept) {
        this.marks.dispose();
      }
      this.picker.dispose();
    });
  }

  show(): void {
    this.picker.show();
  }

  /** Marks the words that contribute to a token, and names the strongest in its line. */
  private async explain(question: Question, item: Pick): Promise<void> {
    this.running.cancel();
    const running = new vscode.CancellationTokenSource();
    this.running = running;
    await new Promise((resolve) => setTimeout(resolve, MOMENT));
    if (running.token.isCancellationRequested) {
      return;
    }
    const answer = await asked(this.core, () => request(this.core, { ...this.place, ...question }, running.token));
    if (running.token.isCancellationRequested || !answer?.why) {
      return;
    }
    item.detail = because(answer.why);
    this.explained.set(item, answer.why);
    // Setting the items again shows the words; the line that becomes active again is already known.
    this.picker.items = [...this.picker.items];
    this.picker.activeItems = [item];
    this.mark(answer.why);
  }

  private mark({ words }: WhyToken): void {
    const { uri, position } = this.place;
    this.marked = { uri, range: { start: position, end: position }, words };
    this.marks.show(this.marked);
  }
}

function pick(next: NextToken, index: number): Pick {
  return {
    label: JSON.stringify(next.token),
    description: `${(100 * next.probability).toFixed(1)} %`,
    buttons: index === 0 ? [] : [rather],
    alwaysShow: true,
    next,
  };
}

/** The strongest words, and the token that they speak against: `def +1.20 · total +0.81`. */
function because({ words, ratherThan }: WhyToken): string {
  const strongest = [...words].sort((a, b) => Math.abs(b.score) - Math.abs(a.score)).slice(0, NAMED);
  const told = strongest.map(({ text, score }) => `${text} ${score > 0 ? '+' : ''}${score.toFixed(2)}`).join(' · ');
  if (told === '') {
    return 'no word before this place speaks for it';
  }
  return ratherThan === undefined ? told : `against ${JSON.stringify(ratherThan)}: ${told}`;
}
