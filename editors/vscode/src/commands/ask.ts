/** Ask: a question, its answers in a list with a preview, and the most important words marked in the text; or an answer that a model writes. */
import * as vscode from 'vscode';

import type { Shown } from '../panel/panel';
import { label, range } from '../places';
import type { AskAnswer, FoundAnswer, SimilarItem, WrittenAnswer } from '../protocol';
import { AnswerMarks } from './answermarks';
import type { Core } from './core';
import { Preview } from './preview';
import { patiently } from './progress';

/** The number of answers in the list. */
const TOP = 8;
/** The number of characters of an answer in the list. */
const LABEL = 70;
/** The number of words that a line of the list names. */
const NAMED = 5;

interface Pick extends vscode.QuickPickItem {
  /** Absent for the item that writes an answer. */
  found?: FoundAnswer;
}

interface Question {
  question: string;
  /** The only document that may answer. */
  uri?: string;
  /** Whether a model writes an answer. */
  write?: boolean;
}

/** Asks, and lets a model write the answer. Nobody types a question for a model that writes nothing. */
export async function answer(core: Core, given?: string | Question): Promise<AskAnswer | undefined> {
  if (given === undefined && core.known().status?.writes === false) {
    void offerSetting();
    return undefined;
  }
  const asked = await typed(given);
  return asked && ask(core, { ...asked, write: true });
}

export async function ask(core: Core, given?: string | Question): Promise<AskAnswer | undefined> {
  const asked = await typed(given);
  if (!asked) {
    return undefined;
  }
  const answer = await patiently(asked.write ? 'writing an answer' : 'looking for an answer', (token, report) =>
    // A model reads few passages, and the best of more are worse: the server knows how many.
    core.server.executeReporting<AskAnswer>('fovea.ask', [{ ...asked, ...(asked.write ? {} : { top: TOP }) }], token, report),
  );
  if (answer.answers.length === 0) {
    // The command ends although the message stays.
    void vscode.window.showInformationMessage(['Fovea: Nothing here answers that', ...answer.notes].join('; ') + '.');
    return answer;
  }
  if (answer.written) {
    await showWritten(core, asked.question, answer.written);
  } else {
    list(asked, answer);
  }
  return answer;
}

async function offerSetting(): Promise<void> {
  const open = 'Open Setting';
  const told = 'Fovea: No model here writes text. Name one in the setting Fovea › Model: Generator, such as a GGUF file of Gemma 3 270M.';
  if ((await vscode.window.showInformationMessage(told, open)) === open) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'fovea.model.generator');
  }
}

async function typed(given?: string | Question): Promise<Question | undefined> {
  const asked = given === undefined ? await input() : typeof given === 'string' ? { question: given } : given;
  return asked && asked.question.trim() !== '' ? asked : undefined;
}

/** Shows a written answer in the panel, with the text of the passages as it is now. */
async function showWritten(core: Core, question: string, written: WrittenAnswer): Promise<void> {
  const read = written.passages.map(async (passage): Promise<Shown> => {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(passage.uri));
    const own = document.validateRange(range(passage.range));
    return { uri: document.uri, range: own, name: passage.name ?? '', text: document.getText(own), language: document.languageId };
  });
  core.panel.showAnswer(question, written, await Promise.all(read));
}

/** Asks the user for a question; a button limits it to the active document. */
function input(): Promise<Question | undefined> {
  const document = vscode.window.activeTextEditor?.document;
  const box = vscode.window.createInputBox();
  const only = { iconPath: new vscode.ThemeIcon('file'), tooltip: 'Ask Only This Document' };
  const everything = { iconPath: new vscode.ThemeIcon('files'), tooltip: 'Ask All Open Folders' };
  let alone = false;
  const show = () => {
    box.title = alone && document ? `Ask ${label(document.uri, 0).replace(/:1$/, '')}` : 'Ask';
    box.buttons = document ? [alone ? everything : only] : [];
  };
  box.placeholder = 'For example: where are sessions signed?';
  show();
  return new Promise((resolve) => {
    box.onDidTriggerButton(() => {
      alone = !alone;
      show();
    });
    box.onDidAccept(() => {
      resolve({ question: box.value, ...(alone && document ? { uri: document.uri.toString() } : {}) });
      box.hide();
    });
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}

function list(asked: Question, answer: AskAnswer): void {
  const picker = vscode.window.createQuickPick<Pick>();
  const preview = new Preview();
  const marks = new AnswerMarks();
  const show = async (found: FoundAnswer) => {
    await preview.show(place(found));
    marks.show(found);
  };
  picker.title = [asked.question, ...answer.notes].join(' · ');
  picker.placeholder = 'The marked words carry the answer';
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  picker.items = [...answer.answers.map(pick), ...(answer.writes ? [WRITE] : [])];
  // The last item may be below the end of the list, so that there is a button too.
  picker.buttons = answer.writes ? [{ iconPath: new vscode.ThemeIcon('sparkle'), tooltip: 'Write an Answer from These' }] : [];
  const write = () => {
    picker.hide();
    void vscode.commands.executeCommand('fovea.ask', { ...asked, write: true });
  };
  let kept = false;
  picker.onDidTriggerButton(write);
  picker.onDidTriggerItemButton(({ item: { found } }) => {
    if (found) {
      const { uri, range: place, within } = found;
      void vscode.commands.executeCommand('fovea.trust', { question: asked.question, uri, range: place, within });
    }
  });
  picker.onDidChangeActive(([active]) => active?.found && void show(active.found));
  picker.onDidAccept(() => {
    const found = picker.activeItems[0]?.found;
    if (found) {
      kept = true;
      void preview.keep(place(found)).then(() => marks.keep(found, true));
    } else if (picker.activeItems.length > 0) {
      return write();
    }
    picker.hide();
  });
  picker.onDidHide(() => {
    if (!kept) {
      marks.dispose();
      void preview.restore();
    }
    picker.dispose();
  });
  picker.show();
}

/** The last item, if a model can write. */
const WRITE: Pick = {
  label: '$(sparkle) Write an answer from these…',
  detail: 'A model writes it, and Fovea measures which passages each sentence draws on',
  alwaysShow: true,
};

function pick(found: FoundAnswer): Pick {
  return {
    label: shortened(found.text.replace(/\s+/gu, ' ')),
    description: found.score.toFixed(2),
    // The place is in the second line, because a long label would hide it.
    detail: [label(vscode.Uri.parse(found.uri), found.range.start.line), because(found)].filter(Boolean).join(' · '),
    buttons: [{ iconPath: new vscode.ThemeIcon('verified'), tooltip: 'Can I trust it?' }],
    found,
  };
}

/** Cuts a label, because a longer one would hide the score after it. */
function shortened(text: string): string {
  return text.length > LABEL ? `${text.slice(0, LABEL)}…` : text;
}

/** The most important words of an answer: `API for key +0.21 · header +0.09`. */
function because(found: FoundAnswer): string {
  const words = found.words.filter((word) => word.score > 0).sort((a, b) => b.score - a.score);
  const told = words.slice(0, NAMED).map(({ text, question, score }) => `${text}${question ? ` for ${question}` : ''} +${score.toFixed(2)}`);
  return told.join(' · ');
}

/** An answer as an item for the preview. */
function place(found: FoundAnswer): SimilarItem {
  const { uri, score } = found;
  return { uri, range: found.range, selection: found.range, name: found.name ?? '', kind: '', language: '', score };
}
